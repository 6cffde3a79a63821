# A colleague asks for quiet. Nothing goes out until they release; a hold may also end by itself.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00   enrolled  new-leads
day 0 09:00   sent      early/duplicate-hunt
day 1         held
day 14 11:00  released
day 14 11:00  sent      early/self-assessment
day 15        held      until day 24
day 24 12:00  sent      early/exception-arithmetic
day 24        end
