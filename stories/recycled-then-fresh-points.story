# The same, but they come back while they rest: 12 and 12 fresh points are a lead, and no date of sales' stands
# against it. Only the new evidence opens late again.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00  enrolled  new-leads
day 0 09:00  sent      early/duplicate-hunt
day 1        viewed    /pricing
day 2        viewed    /vs/spreadsheets
day 3        viewed    /pricing
day 3 12:00  moved     early -> late
day 4        viewed    /security
day 4 12:00  promoted  to sales (grade A, intent 42.8, timing now)
day 7 10:00  accepted
day 8 10:00  recycled  wrong_person
day 14       viewed    /security
day 14 12:00 moved     early -> late
day 15       viewed    /pricing
day 15 12:00 promoted  to sales
day 15       end
