# Out of office: what is on its way is stopped, and nothing leaves before the day it names. Then a colleague writes to
# them, and the next message keeps its distance from that as from one of ours.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00   enrolled   new-leads
day 0 09:01   away       until day 14
day 0 09:01   cancelled  early/duplicate-hunt    away until Mon 19 Oct 2026 12:00 BST
day 13        contacted
day 16 12:00  sent       early/duplicate-hunt
day 18        end
