# Nothing is known about them, so the grade is D and the request waits (C is the least). The day after they
# tell us their part and their size: role 25 and employees 30 are 55 of 100, a C, and the request still stands.
start: 2026-10-05 09:00 Europe/London
who: source search-duplicates, kind content
---
day 0 09:00  enrolled  new-leads
day 0 09:00  sent      early/duplicate-hunt
day 1        form      demo
day 2        learned   role controller, employees 300
day 2 12:00  promoted  to sales (grade C, asked for sales)    asked for sales (demo)
day 2        end
