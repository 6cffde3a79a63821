# Closed as a student. They turn out to be a controller, and their request is 8 days old: it goes to sales.
start: 2026-10-05 09:00 Europe/London
who: country GB, source search-duplicates, kind content
---
day 0 09:00   enrolled  new-leads
day 0 09:00   sent      early/duplicate-hunt
day 1         learned   role student
day 1 12:00   left      new-leads    disqualified: student; closed
day 2         form      demo
day 10        learned   role controller, employees 300, industry wholesale
day 10 12:00  promoted  to sales (grade A, asked for sales)    asked for sales (demo)
day 10        end
