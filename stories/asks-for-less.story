# They ask for less: nothing about cost, ten days between two messages at least, and nothing at all for a while. Pieces
# about cost are passed over, also those that are about something else besides; what they read counts all the time.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00   enrolled   new-leads
day 0 09:20   preferred  without cost, gap 10 days, paused until day 21
day 0 09:20   cancelled  early/duplicate-hunt    they asked for a pause until Mon 26 Oct 2026 12:00 GMT
day 2         viewed     cost-calculator         intent +4.0 -> 4.0
day 21 12:00  sent       early/duplicate-hunt
day 31 12:00  sent       early/self-assessment
day 42        sent       early/five-causes
day 45        end
