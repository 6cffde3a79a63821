# The same, but they tell us after 31 days. A request stands for 30 days, so this one does nothing any more.
start: 2026-10-05 09:00 Europe/London
who: source list, kind outbound
---
day 1        form      demo
day 32       learned   role controller, employees 300
day 32 12:00 enrolled  new-leads
day 32 12:00 sent      early/exception-arithmetic
day 34       end
