# The window is the prospect's: 09:00 in London is night in Los Angeles, whose 08:46 is 16:46 in London.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content, zone America/Los_Angeles
---
day 0 09:00  enrolled  new-leads
day 0 16:46  sent      early/duplicate-hunt
day 3 16:46  sent      early/self-assessment
day 3        end
