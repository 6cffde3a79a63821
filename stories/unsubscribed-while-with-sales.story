# Promoted by score and not answered yet, they unsubscribe: the lead is withdrawn from sales.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00  enrolled      new-leads
day 0 09:00  sent          early/duplicate-hunt
day 1        viewed        /pricing
day 2        viewed        /vs/spreadsheets
day 3        viewed        /pricing
day 3 12:00  moved         early -> late
day 4        viewed        /security
day 4 12:00  promoted      to sales
day 4 13:00  unsubscribed
day 4 13:00  withdrawn     from sales              what it rested on no longer stands (unsubscribed)
day 9        end
