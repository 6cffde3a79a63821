# The same in North Dakota, two hours ahead of Los Angeles: its 08:46 is 14:46 in London.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content, zone America/North_Dakota/Center
---
day 0 09:00  enrolled  new-leads
day 0 14:46  sent      early/duplicate-hunt
day 0        end
