# A name from a list, nothing else known: nobody writes on a guess. They start when a colleague tells us
# their part and their size (role 25 and employees 30 of 100 are a C, which the audience asks for).
start: 2026-10-05 09:00 Europe/London
who: source list, kind outbound
---
day 7 10:00  learned   role controller, employees 300
day 7 10:00  enrolled  new-leads                     source list (outbound)
day 7 10:00  sent      early/exception-arithmetic
day 7        end
