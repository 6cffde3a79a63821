# A message that could not be delivered rules its piece out. An hour later the next best one goes.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00   enrolled  new-leads
day 0 09:00   failed    early/duplicate-hunt
day 0 10:00   sent      early/self-assessment         first unseen in early about control, which the source names
day 3 10:00   sent      early/exception-arithmetic
day 7 10:00   sent      early/five-causes
day 10 10:00  sent      early/accrual-gap
day 14 10:00  sent      early/supplier-calls
day 28 10:00  left      new-leads
day 28        end
