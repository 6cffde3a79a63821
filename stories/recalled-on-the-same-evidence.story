# Promoted on a Friday at noon; sales has three business days. Nobody answers by Wednesday noon, so the lead
# comes back. Its score is above 40 all the while, and it is not promoted again on it.
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
day 5        viewed    /customers                   intent +10.0 -> 50.9
day 9 12:00  recalled  from sales                   sales did not answer by Wed 14 Oct 2026 12:00 BST
day 9 12:00  sent      late/reference-hollis
day 12       end
