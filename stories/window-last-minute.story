# One minute earlier is inside the window: the same person hears from us at once.
start: 2026-10-05 17:29 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 17:29  enrolled  new-leads
day 0 17:29  sent      early/duplicate-hunt
day 1        end
