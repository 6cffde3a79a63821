# A student is disqualified and closed at once, and a request for a demonstration changes nothing.
start: 2026-10-05 09:00 Europe/London
who: role student, employees 20000, industry public-sector, country GB, source search-duplicates, kind content
---
day 0 09:00  left  everything    disqualified: student; closed
day 1        form  demo
day 60       end
