# Sales says that the data were bad. The score stays above 40 and its timing holds, but it is the evidence that
# they have seen: no second promotion. Nurture goes on where it was.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00  enrolled  new-leads
day 0 09:00  sent      early/duplicate-hunt
day 1        viewed    /pricing                     intent +12.0 -> 12.0
day 2        viewed    /vs/spreadsheets             intent +10.0 -> 21.4
day 3        viewed    /pricing                     intent +12.0 -> 32.4
day 3 12:00  moved     early -> late                evidence 3.9, late opens at 3.0
day 4        viewed    /security                    intent +12.0 -> 42.8
day 4 12:00  promoted  to sales (grade A, intent 42.8, timing now)    agreement v3: A needs 40.0
day 5        viewed    /customers                   intent +10.0 -> 50.9
day 7 10:00  rejected  bad_data
day 7 12:00  sent      late/reference-hollis
day 10 12:00 sent      late/price-in-full
day 12       end
