# What somebody read before we might write to them is never sent: duplicate-hunt does not come, though the
# source names its topic and the sequence says it. The other five early pieces do.
start: 2026-10-05 08:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content, basis none
---
day 0 09:00   viewed     duplicate-hunt                intent +3.0 -> 3.0
day 1 09:00   consented
day 1 09:00   enrolled   new-leads
day 2 09:00   sent       early/self-assessment         first unseen in early about control, which the source names
day 7 08:46   sent       early/exception-arithmetic    first unseen in early
day 10 08:46  sent       early/five-causes             first unseen in early
day 14 08:46  sent       early/accrual-gap             first unseen in early
day 17 08:46  sent       early/supplier-calls          first unseen in early
day 31 08:46  left       new-leads
day 31        end
