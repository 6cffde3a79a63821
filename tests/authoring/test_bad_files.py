"""What is told about bad files: every row changes one word and names the exact place and the sentence."""

# ruff: noqa: E501

from collections.abc import Sequence

import pytest

from tests.authoring.small import FILES, changed, loaded

NURTURE, PROGRAMME, AGREEMENT = "nurture.toml", "programme.yaml", "agreement.yaml"
SEQUENCE = "sequences/evaluate.yaml"
COST, COMPARE = "templates/early/cost-of-bad-data.md", "templates/mid/compare.md"

ROWS = [
    (NURTURE, 'name = "Ada"\n', "", ['nurture.toml:1:1  "name" is missing']),
    (NURTURE, 'postal = "1 High Street, Sheffield"', 'postal = ""', ["nurture.toml:5:10  is empty"]),
    (
        NURTURE,
        'address = "ada@mail.acme.example"',
        'address = "ada at acme"',
        ['nurture.toml:3:11  "ada at acme" is not a mail address'],
    ),
    (
        NURTURE,
        'company = "Acme Ltd"',
        'compny = "Acme Ltd"',
        ['nurture.toml:1:1  "company" is missing', 'nurture.toml:4:1  unknown key "compny"'],
    ),
    (
        NURTURE,
        'zone = "Europe/London"',
        'zone = "Europe/Lndon"',
        ['nurture.toml:6:8  "Europe/Lndon" is not a time zone'],
    ),
    (
        NURTURE,
        'url = "https://www.acme.example"',
        'url = "www.acme.example"',
        ['nurture.toml:9:7  "www.acme.example" is not a site\'s address'],
    ),
    (NURTURE, 'to = ["tom@acme.example"]', "to = []", ["nurture.toml:13:6  is empty"]),
    (
        NURTURE,
        'to = ["tom@acme.example"]',
        'to = ["tom"]',
        ['nurture.toml:13:7  "tom" is not a mail address'],
    ),
    (
        NURTURE,
        '{type = "flag"}',
        '{type = "flog"}',
        ['nurture.toml:20:20  "flog" is not one of text, number, flag, date, choice, list, zone, country'],
    ),
    (
        NURTURE,
        'values = ["buyer", "student"]',
        "values = []",
        ["nurture.toml:18:8  a choice needs its values"],
    ),
    (
        NURTURE,
        '{type = "date"}',
        '{type = "date", values = ["a"]}',
        ["nurture.toml:21:32  only a choice has values"],
    ),
    (
        NURTURE,
        "customer = ",
        "source_kind = ",
        [
            'nurture.toml:20:1  the attribute "source_kind" is there without being declared',
            'sequences/evaluate.yaml:5:14  there is no attribute "customer"',
        ],
    ),
    (
        NURTURE,
        "customer = ",
        "gained = ",
        [
            'nurture.toml:20:1  the attribute "gained" is a word of conditions',
            'sequences/evaluate.yaml:5:14  there is no attribute "customer"',
        ],
    ),
    (
        NURTURE,
        'kind = "intent"',
        'kind = "intend"',
        ['nurture.toml:28:8  "intend" is not one of referral, intent, content, outbound, partner, unknown'],
    ),
    (NURTURE, 'role = "role"}', 'role = "roles"}', ['nurture.toml:29:45  there is no attribute "roles"']),
    (NURTURE, 'role = "role"}', 'email = "role"}', ['nurture.toml:29:38  every form has "email" already']),
    (NURTURE, "[store]\ndatabase", "[store]\ndatabse", ['nurture.toml:32:1  unknown key "databse"']),
    (
        NURTURE,
        '"sqlite:///nurture.db"',
        '"mysql://x"',
        ['nurture.toml:32:12  "mysql://x" does not look right'],
    ),
    (NURTURE, "[store]", "[shop]", ['nurture.toml:31:1  unknown key "shop"']),
    (
        NURTURE,
        "[sales]",
        "[sales",
        ["nurture.toml:12:7  not valid TOML: Expected ']' at the end of a table declaration"],
    ),
    (NURTURE, "personal = true", 'personal = "yes"', ['nurture.toml:16:41  "yes" is neither true nor false']),
    (NURTURE, "country = {", "Country = {", ['nurture.toml:23:1  "Country" is not a name']),
    (
        PROGRAMME,
        "page: {starts_with: /pricing}",
        "pages: {starts_with: /pricing}",
        ['programme.yaml:2:13  unknown key "pages"'],
    ),
    (
        PROGRAMME,
        "{starts_with: /pricing}",
        "{start_with: /pricing}",
        ['programme.yaml:2:20  unknown key "start_with"'],
    ),
    (
        PROGRAMME,
        "{starts_with: /pricing}",
        "{starts_with: pricing}",
        ['programme.yaml:2:33  "pricing" is neither a path nor an address'],
    ),
    (PROGRAMME, "{starts_with: /pricing}", "{}", ["programme.yaml:2:19  needs starts_with or is"]),
    (PROGRAMME, "{starts_with: /pricing}", "some", ['programme.yaml:2:19  "some" is not a mapping']),
    (PROGRAMME, "{form: demo}", "{form: deno}", ['programme.yaml:6:19  there is no form "deno"']),
    (
        PROGRAMME,
        "{consumed: mid}",
        "{consumed: midd}",
        ['programme.yaml:7:23  there is no stage or piece "midd"'],
    ),
    (PROGRAMME, "{reply: any}", "{reply: some}", ['programme.yaml:8:20  "some" is not known here']),
    (
        PROGRAMME,
        "{click: any}",
        "{click: any, reply: any}",
        ["programme.yaml:4:12  a signal has exactly one matcher"],
    ),
    (
        PROGRAMME,
        "careers:",
        "pricing:",
        [
            'agreement.yaml:11:3  there is no signal "careers"',
            'programme.yaml:3:3  the key "pricing" stands twice, first in line 2',
        ],
    ),
    (
        PROGRAMME,
        "webinar: {event",
        "1: {event",
        ['agreement.yaml:13:28  there is no signal "webinar"', 'programme.yaml:5:3  the key "1" is not text'],
    ),
    (
        PROGRAMME,
        "reply:   {",
        "consumed:   {",
        ['programme.yaml:8:3  "consumed" is taken by stages.evidence'],
    ),
    (
        PROGRAMME,
        "half_life: 21 days",
        "half_life: 21 dayz",
        ['programme.yaml:10:14  "21 dayz" is not a duration'],
    ),
    (PROGRAMME, "half_life: 21 days", "half_life: 21", ["programme.yaml:10:14  21 is not a duration"]),
    (
        PROGRAMME,
        "dwell: 2 days",
        "dwell: 2 business days",
        [
            'programme.yaml:13:10  "2 business days" counts business time, which only agreement.yaml\'s clock knows'
        ],
    ),
    (PROGRAMME, "enter: 3", "enter: three", ['programme.yaml:11:10  "three" is not a number']),
    (PROGRAMME, "exit: 1", "exit: 3", ["programme.yaml:12:9  a stage opens at 3 and would close below 3"]),
    (PROGRAMME, "webinar: mid", "webinar: middle", ['programme.yaml:14:36  there is no stage "middle"']),
    (
        PROGRAMME,
        "default: early",
        "default: mid",
        ['programme.yaml:14:20  everyone begins at the first stage, "early"'],
    ),
    (PROGRAMME, "{late: 2}", "{later: 2}", ['programme.yaml:15:37  there is no stage "later"']),
    (PROGRAMME, "{late: 2}", "{late: 0}", ["programme.yaml:15:43  0 must be more than 0"]),
    (PROGRAMME, "pricing: {late", "prices: {late", ['programme.yaml:15:27  there is no signal "prices"']),
    (
        PROGRAMME,
        "{pricing: [cost]}",
        "{pricing: [costs]}",
        ['programme.yaml:17:23  there is no topic "costs"'],
    ),
    (PROGRAMME, "{pricing: [cost]}", "{pricing: cost}", ['programme.yaml:17:22  "cost" is not a list']),
    (PROGRAMME, "gap: 3 days", "gap: 3dayz", ['programme.yaml:20:8  "3dayz" is not a duration']),
    (
        PROGRAMME,
        "2 per 7 days",
        "13 per 7 days",
        ['programme.yaml:21:13  "13 per 7 days" counts more messages than are remembered of one person'],
    ),
    (PROGRAMME, "2 per 7 days", "two per week", ['programme.yaml:21:13  "two per week" is not a limit']),
    (PROGRAMME, "weekdays: mon-fri", "weekdays: mo-fr", ['programme.yaml:24:13  "mo-fr" are not weekdays']),
    (PROGRAMME, '"08:30-17:30"', "8:30-17:30", ['programme.yaml:25:10  "8:30-17:30" are not hours of a day']),
    (
        PROGRAMME,
        '"08:30-17:30"',
        '"17:30-08:30"',
        ['programme.yaml:25:10  "17:30-08:30" closes before it opens'],
    ),
    (PROGRAMME, "zone: prospect", "zone: London", ['programme.yaml:26:9  "London" is not a time zone']),
    (PROGRAMME, "GB,", "UK,", ['programme.yaml:27:14  "UK" is not a country']),
    (PROGRAMME, "2026-12-24", "2026-02-30", ['programme.yaml:27:18  "2026-02-30" is not in the calendar']),
    (PROGRAMME, "[GB, 2026-12-24]", "prospect", ['programme.yaml:27:13  "prospect" is not a list']),
    (
        PROGRAMME,
        "calendar:",
        "calender:",
        ['programme.yaml:1:1  "calendar" is missing', 'programme.yaml:23:1  unknown key "calender"'],
    ),
    (PROGRAMME, "  exit: 1", "   exit: 1", ["programme.yaml:12:8  a colon where no key can stand"]),
    (
        PROGRAMME,
        "spread: 45 minutes",
        'spread: "45 minutes',
        ["programme.yaml:28:11  the quotes are not closed"],
    ),
    (AGREEMENT, "version: 3", 'version: "3"', ['agreement.yaml:1:10  "3" is not a whole number']),
    (AGREEMENT, "version: 3", "version: 3.5", ["agreement.yaml:1:10  3.5 is not a whole number"]),
    (AGREEMENT, "on: 2026-01-12", "on: 12.01.2026", ['agreement.yaml:2:14  "12.01.2026" is not a date']),
    (AGREEMENT, "marketing: Ada Ray, ", "", ['agreement.yaml:2:1  "marketing" is missing']),
    (AGREEMENT, "sales: Tom Vo, ", "", ['agreement.yaml:2:1  "sales" is missing']),
    (
        AGREEMENT,
        "review_by: 2026-04-12",
        "review_by: 2026-05-12",
        ["agreement.yaml:2:72  more than 100 days after it was signed"],
    ),
    (
        AGREEMENT,
        "review_by: 2026-04-12",
        "review_by: 2026-01-12",
        ["agreement.yaml:2:72  the review is not after the signature"],
    ),
    (
        AGREEMENT,
        "review_by: 2026-04-12",
        "review_by: 2026-02-12",
        ["agreement.yaml:2:72  warning: the review is overdue"],
    ),
    (AGREEMENT, "B: 60", "B: 90", ["agreement.yaml:4:22  B begins at 90, not below A at 80"]),
    (
        AGREEMENT,
        "C: 40}",
        "E: 40}",
        ['agreement.yaml:4:26  "E" is not one of A, B, C', "agreement.yaml:17:25  fit.grades has no grade C"],
    ),
    (AGREEMENT, "weight: 25", "weight: -1", ["agreement.yaml:6:20  -1 must be more than 0"]),
    (
        AGREEMENT,
        "employees: {min: 50",
        "employee: {min: 50",
        ['agreement.yaml:6:31  there is no attribute "employee"'],
    ),
    (
        AGREEMENT,
        "employees: {min: 50",
        "first_name: {min: 50",
        ['agreement.yaml:6:31  "first_name" is personal and can decide nothing'],
    ),
    (AGREEMENT, "{min: 50", "{mini: 50", ['agreement.yaml:6:43  unknown test "mini"']),
    (
        AGREEMENT,
        "{min: 50",
        "{after: today",
        ['agreement.yaml:6:43  "after" cannot be asked of "employees", which is a number'],
    ),
    (
        AGREEMENT,
        "min: 50",
        "min: 5000",
        ["agreement.yaml:6:59  the largest, 2000, is below the smallest, 5000"],
    ),
    (AGREEMENT, "min: 50", "min: fifty", ['agreement.yaml:6:48  "fifty" is not a number']),
    (AGREEMENT, "{role: buyer}", "{role: buyers}", ['agreement.yaml:7:37  "buyers" is not among its values']),
    (
        AGREEMENT,
        "{role: buyer}",
        "{role: []}",
        ["agreement.yaml:7:37  the list is empty, so this never holds"],
    ),
    (
        AGREEMENT,
        "{role: buyer}",
        "{fit: {at_least: C}}",
        ["agreement.yaml:7:31  fit cannot be asked for here"],
    ),
    (AGREEMENT, "{role: buyer}", "[role]", ["agreement.yaml:7:30  is a list, not a mapping"]),
    (
        AGREEMENT,
        "{role: buyer}",
        '{customer: "true"}',
        ['agreement.yaml:7:41  "true" is neither true nor false'],
    ),
    (AGREEMENT, "{role: buyer}", "{country: England}", ['agreement.yaml:7:40  "England" is not a country']),
    (
        AGREEMENT,
        "{role: buyer}",
        "{employees: {known: true, min: 3}}",
        ['agreement.yaml:7:43  "known" stands alone'],
    ),
    (AGREEMENT, "{role: buyer}", "{systems: {has: 3}}", ["agreement.yaml:7:46  3 is not text"]),
    (AGREEMENT, "{role: buyer}", "{any: []}", ["agreement.yaml:7:36  must be a list of conditions"]),
    (
        AGREEMENT,
        "{role: buyer}",
        "{role: {known: yes}}",
        ['agreement.yaml:7:45  "yes" is neither true nor false'],
    ),
    (AGREEMENT, "pricing: {points", "prices: {points", ['agreement.yaml:9:3  there is no signal "prices"']),
    (AGREEMENT, "cap: 40", "cap: 14", ["agreement.yaml:9:50  the cap, 14, is below the points, 15"]),
    (
        AGREEMENT,
        "cap: 10",
        "cap: 40",
        ['agreement.yaml:10:49  "click" alone could reach the 40 points that promote'],
    ),
    (
        AGREEMENT,
        ", cap: 10",
        "",
        ['agreement.yaml:10:12  "click" alone could reach the 40 points that promote'],
    ),
    (
        AGREEMENT,
        ", lasts: 90 days",
        "",
        ["agreement.yaml:11:12  negative points do not say how long they last"],
    ),
    (
        AGREEMENT,
        "points: -10, lasts",
        "points: -10, half_life: 3 days, lasts",
        ["agreement.yaml:11:26  negative points have no half_life: they stand in full"],
    ),
    (AGREEMENT, "points: 2,", "points: 0,", ["agreement.yaml:10:21  no points"]),
    (
        AGREEMENT,
        "points: 2, half_life: 14 days",
        "points: 2",
        ["agreement.yaml:10:12  points that never fade"],
    ),
    (
        AGREEMENT,
        "[pricing, webinar]",
        "[pricing, webinars]",
        ['agreement.yaml:13:28  there is no signal "webinars"'],
    ),
    (
        AGREEMENT,
        "webinar], within: 14 days",
        "webinar], within: 14",
        ["agreement.yaml:13:46  14 is not a duration"],
    ),
    (
        AGREEMENT,
        "{gained: 25, within: 7 days}",
        "{gained: 25}",
        ['agreement.yaml:14:13  "gained" does not say in what time'],
    ),
    (
        AGREEMENT,
        "{gained: 25, within: 7 days}",
        "{gained: 25, did: click, within: 7 days}",
        ['agreement.yaml:14:13  "did" and "gained" in one mapping'],
    ),
    (
        AGREEMENT,
        "{gained: 25, within: 7 days}",
        "{within: 7 days}",
        ['agreement.yaml:14:13  "within" needs "did" or "gained" beside it'],
    ),
    (
        AGREEMENT,
        "before: in 180 days",
        "before: in 20 days",
        ['agreement.yaml:15:55  "before" is not later than "after"'],
    ),
    (AGREEMENT, "after: in 30 days", "after: soon", ['agreement.yaml:15:35  "soon" is not a day']),
    (
        AGREEMENT,
        "demo: {at_least: C",
        "demos: {at_least: C",
        ['agreement.yaml:16:14  there is no signal "demos"'],
    ),
    (
        AGREEMENT,
        "demo: {at_least: C",
        "demo: {at_least: E",
        ['agreement.yaml:16:31  "E" is not one of A, B, C, D'],
    ),
    (AGREEMENT, "promote: {A: 40", "promote: {F: 40", ['agreement.yaml:17:11  "F" is not one of A, B, C, D']),
    (
        AGREEMENT,
        "grades: {A: 80, B: 60, C: 40}",
        "grades: {A: 80, B: 60}",
        ["agreement.yaml:17:25  fit.grades has no grade C"],
    ),
    (
        AGREEMENT,
        "not_icp: close",
        "not_icp: closed",
        ['agreement.yaml:21:23  "closed" is not one of close, nurture'],
    ),
    (AGREEMENT, "stage: mid", "stage: middle", ['agreement.yaml:22:31  there is no stage "middle"']),
    (
        AGREEMENT,
        "answer: 1 business day",
        "answer: 1 day",
        ['agreement.yaml:28:11  "1 day" would run at night and at weekends'],
    ),
    (
        AGREEMENT,
        "recall: 3 business",
        "recall: 3 hours #",
        ['agreement.yaml:29:11  "3 hours" would run at night and at weekends'],
    ),
    (
        AGREEMENT,
        "answer: 1 business day",
        "answer: 4 business days",
        ["agreement.yaml:29:11  a lead would be recalled before sales must have answered"],
    ),
    (
        AGREEMENT,
        "zone: Europe/London",
        "zone: prospect",
        ['agreement.yaml:26:9  "prospect" is not a time zone'],
    ),
    (SEQUENCE, "priority: 10\n", "", ['sequences/evaluate.yaml:1:1  "priority" is missing']),
    (
        SEQUENCE,
        "priority: 10",
        "priorty: 10",
        [
            'sequences/evaluate.yaml:1:1  "priority" is missing',
            'sequences/evaluate.yaml:2:1  unknown key "priorty"',
        ],
    ),
    (
        SEQUENCE,
        "priority: 10",
        "priority: high",
        ['sequences/evaluate.yaml:2:11  "high" is not a whole number'],
    ),
    (
        SEQUENCE,
        "source_kind: [content",
        "source_kind: [contents",
        ['sequences/evaluate.yaml:3:26  "contents" is not among its values'],
    ),
    (SEQUENCE, "{at_least: C}", "C", ["sequences/evaluate.yaml:3:51  fit needs a grade"]),
    (SEQUENCE, "{at_least: C}", "{at_least: Z}", ['sequences/evaluate.yaml:3:62  "Z" is not a grade']),
    (
        SEQUENCE,
        "again: after 180 days",
        "again: sometimes",
        ['sequences/evaluate.yaml:4:8  "sometimes" does not say when'],
    ),
    (
        SEQUENCE,
        "{customer: true}",
        "{customer: yes}",
        ['sequences/evaluate.yaml:5:24  "yes" is neither true nor false'],
    ),
    (
        SEQUENCE,
        "[cost-of-bad-data, compare, cost]",
        "[cost-of-bad-data, compair, cost]",
        [
            'sequences/evaluate.yaml:6:25  there is no piece or topic "compair"',
            'templates/mid/compare.md:2:1  no sequence says "compare"',
        ],
    ),
    (
        SEQUENCE,
        "[cost-of-bad-data, compare, cost]",
        "[]",
        [
            "sequences/evaluate.yaml:6:6  is empty",
            'templates/early/cost-of-bad-data.md:2:1  no sequence says "cost-of-bad-data"',
            'templates/mid/compare.md:2:1  no sequence says "compare"',
        ],
    ),
    (
        SEQUENCE,
        "[cost-of-bad-data, compare, cost]",
        "[cost-of-bad-data]",
        ['templates/mid/compare.md:2:1  no sequence says "compare"'],
    ),
    (
        SEQUENCE,
        "compare, cost]",
        "compare, compare]",
        ['sequences/evaluate.yaml:6:34  "compare" is said twice'],
    ),
    (
        SEQUENCE,
        "gap: 5 days",
        "gap: 2 days",
        ['sequences/evaluate.yaml:7:15  "2 days" is quicker than 3 days in programme.yaml'],
    ),
    (
        SEQUENCE,
        "gap: 5 days",
        "at_most: [20 per 30 days]",
        [
            'sequences/evaluate.yaml:7:20  "20 per 30 days" counts more messages than are remembered of one person'
        ],
    ),
    (
        SEQUENCE,
        "then: rest",
        "then: sleep",
        [
            'sequences/evaluate.yaml:8:45  there is no sequence "sleep"',
            'sequences/evaluate.yaml:8:52  "for" is how long to rest',
        ],
    ),
    (SEQUENCE, "then: rest", "then: close", ['sequences/evaluate.yaml:8:52  "for" is how long to rest']),
    (
        SEQUENCE,
        "then: rest, for: 90 days",
        "then: evaluate",
        ["sequences/evaluate.yaml:8:45  a sequence cannot follow itself"],
    ),
    (
        SEQUENCE,
        "sequence: evaluate",
        "sequence: Evaluate It",
        ['sequences/evaluate.yaml:1:11  "Evaluate It" is not a name'],
    ),
    (SEQUENCE, "wait: 14 days", "wait: 14 dys", ['sequences/evaluate.yaml:8:30  "14 dys" is not a duration']),
    (
        COST,
        "title: What bad data costs\n",
        "",
        ['templates/early/cost-of-bad-data.md:2:1  "title" is missing'],
    ),
    (
        COST,
        'subject: "What',
        'subjekt: "What',
        [
            'templates/early/cost-of-bad-data.md:2:1  "subject" is missing',
            'templates/early/cost-of-bad-data.md:3:1  unknown key "subjekt"',
        ],
    ),
    (
        COST,
        "prospect.company",
        "prospect.compny",
        ['templates/early/cost-of-bad-data.md:3:37  there is no attribute "compny"'],
    ),
    (
        COST,
        "prospect.first_name",
        "prospect.firstname",
        ['templates/early/cost-of-bad-data.md:7:19  there is no attribute "firstname"'],
    ),
    (
        COST,
        "url: /guides/cost",
        "url: guides/cost",
        ['templates/early/cost-of-bad-data.md:5:6  "guides/cost" is neither a path nor an address'],
    ),
    (
        COST,
        "topics: [cost]",
        "topics: cost",
        ['templates/early/cost-of-bad-data.md:4:9  "cost" is not a list'],
    ),
    (
        COST,
        "url: /guides/cost",
        "url: /guides/cost?x=1",
        [
            'templates/early/cost-of-bad-data.md:5:6  "/guides/cost?x=1" has a ? or #, which tells no pages apart'
        ],
    ),
    (
        COST,
        "topics: [cost]",
        "layout: fancy",
        [
            'programme.yaml:17:23  there is no topic "cost"',
            'programme.yaml:18:28  there is no topic "cost"',
            'sequences/evaluate.yaml:6:34  there is no piece or topic "cost"',
            'templates/early/cost-of-bad-data.md:4:9  there is no layout "fancy"',
        ],
    ),
    (COST, "---\nHello", "Hello", ["templates/early/cost-of-bad-data.md:1:1  the front matter never ends"]),
    (
        COST,
        "prospect.first_name",
        "prospct.first_name",
        ["templates/early/cost-of-bad-data.md:7:7  `prospct` is not known"],
    ),
    (
        COMPARE,
        "needs: [cost-of-bad-data]",
        "needs: [cost-of-data]",
        ['templates/mid/compare.md:5:9  there is no piece "cost-of-data"'],
    ),
    (
        COMPARE,
        "needs: [cost-of-bad-data]",
        "needs: [compare]",
        ["templates/mid/compare.md:5:8  needs itself in a circle: compare -> compare"],
    ),
    (COMPARE, "{min: 10}", "{min: ten}", ['templates/mid/compare.md:6:25  "ten" is not a number']),
    (
        COMPARE,
        "subject: Compare",
        "subject: Compare\nurl: https://acme.example/guides/cost/",
        [
            'templates/mid/compare.md:4:6  the url "/guides/cost" is that of templates/early/cost-of-bad-data.md'
        ],
    ),
    (
        COMPARE,
        "subject: Compare",
        "subject: Compare\nexpires_on: 2026-01-01",
        ["templates/mid/compare.md:4:13  warning: it has expired and is not sent any more"],
    ),
    (
        COMPARE,
        "subject: Compare",
        "subject: Compare\npublish_on: 2027-01-01\nexpires_on: 2026-06-01",
        ["templates/mid/compare.md:5:13  it expires before it is published"],
    ),
    (PROGRAMME, "  cool_down: 2 days\n", "", ['programme.yaml:19:1  "cool_down" is missing']),
    (
        PROGRAMME,
        "signals:\n",
        "signal:\n",
        [
            'agreement.yaml:9:3  there is no signal "pricing"',
            'agreement.yaml:10:3  there is no signal "click"',
            'agreement.yaml:11:3  there is no signal "careers"',
            'agreement.yaml:13:19  there is no signal "pricing"',
            'agreement.yaml:13:28  there is no signal "webinar"',
            'agreement.yaml:16:14  there is no signal "demo"',
            'programme.yaml:1:1  "signals" is missing',
            'programme.yaml:1:1  unknown key "signal"',
            'programme.yaml:15:27  there is no signal "pricing"',
            'programme.yaml:17:13  there is no signal "pricing"',
        ],
    ),
    (
        PROGRAMME,
        "late: 2}}\n",
        "late: 2}, zoom: {late: 1}}\n  order: [early, mid, early]\n",
        [
            'programme.yaml:15:37  there is no stage "late"',
            'programme.yaml:15:47  there is no signal "zoom"',
            'programme.yaml:15:54  there is no stage "late"',
            'programme.yaml:16:23  the stage "early" stands twice',
        ],
    ),
    (AGREEMENT, "version: 3", "version: 0", ["agreement.yaml:1:10  0 must be at least 1"]),
    (
        SEQUENCE,
        "priority: 10",
        "priority: 10\npriority: 11",
        ['sequences/evaluate.yaml:3:1  the key "priority" stands twice, first in line 2'],
    ),
]


def _told(files: dict[str, str]) -> list[str]:
    return [
        f"{problem.place}  {'warning: ' if problem.warning else ''}{problem.what}"
        for problem in loaded(files).problems
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "told"), ROWS, ids=[f"{file}:{new}" for file, _, new, _ in ROWS]
)
def test_one_wrong_word(file: str, old: str, new: str, told: Sequence[str]) -> None:
    assert _told(changed(file, old, new)) == told


def test_the_workspace_itself_has_no_problem() -> None:
    assert _told(dict(FILES)) == []


def test_only_warnings_leave_a_workspace() -> None:
    overdue = loaded(changed(AGREEMENT, "review_by: 2026-04-12", "review_by: 2026-02-12"))
    assert overdue.workspace is not None
    assert [problem.warning for problem in overdue.problems] == [True]
    assert overdue.errors == []


def test_problems_of_all_files_are_told_at_once() -> None:
    files = changed(PROGRAMME, "gap: 3 days", "gap: 3 dayz")
    files[AGREEMENT] = FILES[AGREEMENT].replace("cap: 40", "cap: 4").replace("stage: mid", "stage: middle")
    files[SEQUENCE] = FILES[SEQUENCE].replace("compare", "compair").replace("priority", "priorty")
    files[COST] = FILES[COST].replace("prospect.company", "prospect.compny")
    result = loaded(files)
    assert result.workspace is None
    assert [problem.place for problem in result.problems] == [
        "agreement.yaml:9:50",
        "agreement.yaml:22:31",
        "programme.yaml:20:8",
        "sequences/evaluate.yaml:1:1",
        "sequences/evaluate.yaml:2:1",
        "sequences/evaluate.yaml:6:25",
        f"{COST}:3:37",
        f"{COMPARE}:2:1",
    ]


@pytest.mark.parametrize(
    ("file", "new", "told"),
    [
        (NURTURE, None, "nurture.toml:1:1  there is no such file"),
        (PROGRAMME, None, "programme.yaml:1:1  there is no such file"),
        (AGREEMENT, None, "agreement.yaml:1:1  there is no such file"),
        (SEQUENCE, None, "sequences:1:1  there is no sequence"),
        ("templates/sales/packet.txt", None, "templates/sales/packet.html:1:1  has no packet.txt beside it"),
        ("templates/layouts/plain.html", None, f'{COST}:2:1  there is no layout "plain"'),
        ("templates/mid/cost-of-bad-data.md", FILES[COST].replace("/guides/cost", "/guides/costs"),
         f'templates/mid/cost-of-bad-data.md:2:1  the id "cost-of-bad-data" is that of {COST}'),
        ("templates/medium/x.md", FILES[COST], 'templates/medium/x.md:2:1  there is no stage "medium"'),
        ("templates/x.md", FILES[COST], "templates/x.md:1:1  is not a place for an authored file"),
        ("templates/early/x.txt", "x", 'templates/early/x.txt:1:1  ends in ".txt"'),
        ("templates/early/x", "x", 'templates/early/x:1:1  ends in ""'),
        ("templates/early/deep/x.md", "x", "templates/early/deep/x.md:1:1  is not a place for an authored file"),
        ("templates/early/../../x.md", "x", "templates/early/../../x.md:1:1  stands outside the workspace"),
        ("sequences/x.yml", "x: 1", 'sequences/x.yml:1:1  ends in ".yml"'),
        ("sequences/again.yaml", FILES[SEQUENCE],
         'sequences/evaluate.yaml:1:11  the id "evaluate" is that of sequences/again.yaml'),
        ("sequences/empty.yaml", "", "sequences/empty.yaml:1:1  is empty"),
        ("sequences/list.yaml", "- a", "sequences/list.yaml:1:1  is a list, not a mapping"),
        (PROGRAMME, "", "programme.yaml:1:1  is empty"),
        (NURTURE, "", 'nurture.toml:1:1  "sender" is missing'),
        (COST, "Hello", f"{COST}:1:1  has no front matter"),
        (COST, "", f"{COST}:1:1  has no front matter"),
        (COST, "---\n- a\n---\nHello", f"{COST}:2:1  is a list, not a mapping"),
    ],
)  # fmt: skip
def test_missing_empty_and_misplaced_files(file: str, new: str | None, told: str) -> None:
    files: dict[str, str] = {**FILES}
    if new is None:
        del files[file]
    else:
        files[file] = new
    assert told in _told(files)


def test_a_circle_of_needs_is_told_once() -> None:
    files = changed(COST, "topics: [cost]", "topics: [cost]\nneeds: [compare]")
    assert _told(files) == [
        f"{COST}:5:8  needs itself in a circle: cost-of-bad-data -> compare -> cost-of-bad-data"
    ]


def test_at_most_a_hundred_problems_of_a_file_are_told() -> None:
    wrong = "\n".join(f"  s{number}: {{paje: any}}" for number in range(5_000))
    told = _told(changed(PROGRAMME, "signals:\n", f"signals:\n{wrong}\n"))
    assert len(told) == 100
    assert told[-1].endswith("and there are more problems in this file")
