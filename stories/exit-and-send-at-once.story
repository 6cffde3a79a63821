# The gap ends on day 3 at 10:00 sharp, and at that instant they tell us that nothing is planned: the exit
# wins. (Without the line of 10:00 five-causes leaves at 10:00: see exit-not-given.)
start: 2026-10-05 10:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source newsletter, kind content
---
day 0 10:00  enrolled  new-leads
day 0 10:00  sent      early/exception-arithmetic
day 3 10:00  learned   timeframe not-planned
day 3 10:00  left      new-leads                     its exit holds: timeframe is not-planned; rests until Mon 7 Dec 2026 09:00 GMT
day 20       end
