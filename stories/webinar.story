# The source names the topic of the first piece. Attending is 2 units for mid, a comparison 2 more: mid opens.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source webinar-month-end, kind content
---
day 0 09:00  enrolled  new-leads
day 0 09:00  sent      early/accrual-gap       first unseen in early about month-end, which the source names
day 0 17:00  happened  webinar_attended        intent +16.0 -> 16.0
day 1        viewed    /vs/spreadsheets        intent +10.0 -> 25.6
day 1 12:00  moved     early -> mid            evidence 3.9, mid opens at 3.0
day 3 12:00  sent      mid/four-ways           first unseen in mid about integration, which interests them
day 3        end
