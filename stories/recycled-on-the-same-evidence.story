# Sales spoke to them: the wrong person, start again at early after 14 days. The stage that sales named stands
# against all that was known before, and the points that they have seen promote nobody.
# (14 times 24 hours: the clocks go back in between, so it is nine o'clock.)
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
day 5        viewed    /customers
day 7 10:00  accepted
day 8 10:00  recycled  wrong_person
day 22 09:00 enrolled  new-leads                    takes new-leads up again
day 22 09:00 sent      early/supplier-calls         first unseen in early about cost, which interests them
day 25 09:00 sent      early/exception-arithmetic   first unseen in early about cost, which interests them
day 26       end
