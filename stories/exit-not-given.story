# The twin of exit-and-send-at-once: this quarter is no reason to leave, so the send of 10:00 goes out.
start: 2026-10-05 10:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source newsletter, kind content
---
day 0 10:00  enrolled  new-leads
day 0 10:00  sent      early/exception-arithmetic
day 3 10:00  learned   timeframe this-quarter
day 3 10:00  sent      early/five-causes
day 3        end
