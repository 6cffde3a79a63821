# Who looks at our vacancies is most likely after a job: 15 points less for 90 days. Without it the look at
# the customers' page would make 50.9 points, enough for sales; with it there are 35.9.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00  enrolled  new-leads
day 0 09:00  sent      early/duplicate-hunt
day 1        viewed    /careers/payables     intent -15.0 -> -15.0
day 2        viewed    /pricing              intent +12.0 -> -3.0
day 3        viewed    /vs/spreadsheets      intent +10.0 -> 6.4
day 4        viewed    /pricing              intent +12.0 -> 17.4
day 4 12:00  moved     early -> late
day 5        viewed    /security             intent +12.0 -> 27.8
day 6        viewed    /customers/hollis     intent +10.0 -> 35.9
day 7        end
