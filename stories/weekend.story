# Somebody who comes on Saturday noon, inside the hours but not on a weekday, hears from us on Monday.
start: 2026-10-10 12:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 12:00  enrolled  new-leads
day 2 08:46  sent      early/duplicate-hunt
day 2        end
