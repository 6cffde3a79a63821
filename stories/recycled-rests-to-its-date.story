# Sales could not reach them: 30 days of rest, then mid. A look at the site on day 20 does not end a rest
# whose date sales set. Then the old sequence goes on at the stage that sales named.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00   enrolled  new-leads
day 0 09:00   sent      early/duplicate-hunt
day 1         form      demo
day 1 12:00   promoted  to sales (grade A, asked for sales)    asked for sales (demo)
day 2 10:00   accepted
day 10 10:00  recycled  no_response
day 20        viewed    /customers                             intent +10.0 -> 10.0
day 40 09:00  enrolled  new-leads                              takes new-leads up again
day 42 08:46  sent      mid/tolerance-session                  first unseen in mid about control, which the source names
day 42        end
