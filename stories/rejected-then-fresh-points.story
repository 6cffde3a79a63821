# Rejected, then active again. After day 8 there are 19.7 fresh points, not quite the 20 that it takes; the
# third look brings 7.4 more (24 is the cap of comparing), and they are a lead again.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00  enrolled  new-leads
day 0 09:00  sent      early/duplicate-hunt
day 1        viewed    /pricing
day 2        viewed    /vs/spreadsheets
day 3        viewed    /pricing
day 3 12:00  moved     early -> late
day 4        viewed    /security
day 4 12:00  promoted  to sales (grade A, intent 42.8, timing now)
day 4 15:00  rejected  bad_data
day 7 08:46  sent      late/reference-hollis
day 7        viewed    /customers                   intent +10.0 -> 47.4
day 8        viewed    /vs/erp-modules              intent +10.0 -> 55.5
day 9        viewed    /vs/erp-modules              intent +7.4 -> 60.5
day 9 12:00  promoted  to sales (grade A, intent 60.5, timing now)    agreement v3: A needs 40.0
day 9        end
