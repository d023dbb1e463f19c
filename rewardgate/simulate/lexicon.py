"""Names and values that the domains fill their sentences with."""

import numpy as np

from rewardgate.simulate.task import pick, words

FIRST_NAMES = words(
    "Ada|Amir|Anna|Ben|Bea|Carla|Chen|Clara|Dario|Diana|Elif|Emil|Erik|Esme|"
    "Farah|Felix|Fiona|Gita|Greta|Hana|Hugo|Ida|Igor|Ines|Ivan|Jana|Jonas|Julia|"
    "Kamal|Karin|Kofi|Lara|Leo|Lena|Liam|Lucia|Malik|Mara|Marco|Mei|Milo|Mina|"
    "Nadia|Nils|Nina|Noor|Olga|Omar|Oscar|Paula|Petra|Priya|Rafael|Rosa|Ruth|"
    "Sami|Sara|Selma|Simon|Sofia|Stefan|Tariq|Tess|Theo|Tomas|Uma|Vera|Victor|"
    "Wanda|Yara|Yusuf|Zoe"
)
SURNAMES = words(
    "Adler|Baker|Bauer|Bell|Brandt|Carter|Castro|Chan|Cohen|Costa|Cruz|Dahl|Diaz|"
    "Evans|Fischer|Ford|Garcia|Grant|Gupta|Hale|Hansen|Hill|Ito|Jensen|Kaya|"
    "Keller|Khan|Kim|Klein|Lang|Larsen|Lopez|Marsh|Meyer|Mills|Moore|Nagy|Novak|"
    "Olsen|Park|Patel|Perez|Quinn|Reed|Rossi|Santos|Sato|Shaw|Silva|Singh|Stone|"
    "Tanaka|Torres|Turner|Vogel|Wagner|Walsh|Weber|Wong|Yilmaz|Young"
)
PLACES = words(
    "Ashford|Barton|Bergen|Bolton|Brighton|Bristol|Burton|Cardiff|Carlton|Chester|"
    "Clifton|Cork|Dalton|Denver|Dover|Durham|Easton|Essen|Exeter|Florence|Geneva|"
    "Ghent|Graz|Hamilton|Hastings|Hartford|Houston|Jackson|Kingston|Lancaster|Leeds|"
    "Lincoln|Linz|Lisbon|Madison|Malmo|Milton|Monterey|Nelson|Newport|Norwich|"
    "Oakland|Odense|Oxford|Porto|Preston|Quebec|Reading|Richmond|Salem|Salzburg|"
    "Seville|Sheffield|Stafford|Sutton|Tampa|Trent|Turin|Utrecht|Verona|Vienna|"
    "Warwick|Weston|Winchester|Windsor|York|Zurich"
)
MONTHS = words(
    "January|February|March|April|May|June|July|August|September|October|November|December"
)
WEEKDAYS = words("Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday")
COLOURS = words(
    "red|blue|green|yellow|black|white|orange|purple|grey|brown|pink|silver|golden|turquoise"
)


def first_name(rng: np.random.Generator) -> str:
    return pick(rng, FIRST_NAMES)


def full_name(rng: np.random.Generator) -> str:
    return f"{pick(rng, FIRST_NAMES)} {pick(rng, SURNAMES)}"


def place(rng: np.random.Generator) -> str:
    return pick(rng, PLACES)


def date(rng: np.random.Generator) -> str:
    return f"{rng.integers(1, 29)} {pick(rng, MONTHS)}"


def weekday(rng: np.random.Generator) -> str:
    return pick(rng, WEEKDAYS)


def year(rng: np.random.Generator) -> str:
    return str(rng.integers(1820, 2024))


def clock(rng: np.random.Generator) -> str:
    return f"{rng.integers(1, 13)}:{pick(rng, ('00', '10', '15', '20', '30', '40', '45', '50'))}"


def colour(rng: np.random.Generator) -> str:
    return pick(rng, COLOURS)
