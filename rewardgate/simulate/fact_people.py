"""Notes on people and on what they do together."""

from rewardgate.simulate.fact_attributes import (
    FOUNDED,
    PRICE,
    Frame,
    attribute,
    named,
    number,
    numbered,
    one_of,
    person,
    time_of,
)
from rewardgate.simulate.lexicon import colour, date, full_name, place, weekday, year
from rewardgate.simulate.task import pick, words

_TITLES = words("Glass|Paper|Salt|Broken|Hidden|Last|Blue|Silent|Burning|Borrowed|Hollow|Distant")
_TITLE_NOUNS = words(
    "Garden|Orchard|Harbour|Letter|Crown|Mirror|River|House|Map|Winter|Island|Bell"
)
_TEAMS = words("Tigers|Rovers|Hawks|Wolves|Comets|Bears|Sharks")

PEOPLE = (
    Frame(
        "{first}",
        full_name,
        (
            attribute(
                "place",
                place,
                "lives in {v}|has a home in {v}",
                "Where does {s} live?|In which town does {s} live?",
                "in {v}.|{v}.|the home town is {v}.",
            ),
            attribute(
                "place",
                place,
                "was born in {v}|comes from {v}",
                "Where was {s} born?|What is the birthplace of {s}?",
                "in {v}.|{v}.|the birthplace is {v}.",
            ),
            attribute(
                "job",
                one_of(
                    "a nurse|a pilot|a baker|a lawyer|a teacher|a plumber|a painter|a farmer"
                    "|a chemist|a translator|a carpenter|an architect|an engineer|a librarian"
                    "|a dentist"
                ),
                "works as {v}|earns a living as {v}",
                "What is the job of {s}?|What does {s} do for a living?",
                "{v}.|the job is {v}.|works as {v}.",
            ),
            attribute(
                "hobby",
                one_of(
                    "chess|tennis|fishing|pottery|sailing|cycling|gardening|knitting|climbing"
                    "|painting|singing|photography|bird watching|swimming|archery|cooking"
                ),
                "enjoys {v}|spends the weekends on {v}",
                "What is the hobby of {s}?|What does {s} do in free time?",
                "{v}.|the hobby is {v}.|mostly {v}.",
            ),
            attribute(
                "pet",
                one_of(
                    "a parrot|a cat|a rabbit|a goat|a turtle|a poodle|a hamster|a pony|a snake"
                    "|a goose|a terrier|a canary|a lizard|a donkey"
                ),
                "keeps {v}|owns {v}",
                "Which animal does {s} keep?|What pet does {s} own?",
                "{v}.|the pet is {v}.|it is {v}.",
            ),
        ),
    ),
    Frame(
        "It",
        lambda rng: f"the novel The {pick(rng, _TITLES)} {pick(rng, _TITLE_NOUNS)}",
        (
            person("was written by {v}|is the work of {v}", "wrote"),
            person("was translated by {v}", "translated"),
            attribute(
                "year",
                year,
                "was published in {v}|came out in {v}",
                "When was {s} published?|In which year did {s} come out?",
                "in {v}.|{v}.|the year was {v}.",
            ),
            attribute(
                "pages",
                number(90, 700, "pages"),
                "has {v}|runs to {v}",
                "How many pages does {s} have?|How long is {s}?",
                "{v}.|it has {v}.|it runs to {v}.",
            ),
            attribute(
                "theme",
                one_of(
                    "a lighthouse keeper|two rival bakers|a lost expedition|a stolen violin"
                    "|a school in war|a talking horse|an old clockmaker|a shipwreck"
                    "|a family of spies|a desert town|a chess master|a haunted mill"
                ),
                "is about {v}|tells the story of {v}",
                "What is {s} about?|Whose story does {s} tell? What is it about?",
                "{v}.|it is about {v}.|the story of {v}.",
            ),
        ),
    ),
    Frame(
        "The team",
        lambda rng: f"the {place(rng)} {pick(rng, _TEAMS)}",
        (
            person("is coached by {v}", "coaches"),
            person("is captained by {v}|plays under captain {v}", "captains"),
            FOUNDED,
            attribute(
                "colour",
                colour,
                "plays in {v}|wears {v}",
                "Which colour does {s} wear?|What colour do {s} play in?",
                "{v}.|the colour is {v}.|they wear {v}.",
            ),
            attribute(
                "members",
                number(20, 900, "members"),
                "has {v}|counts {v}",
                "How many members does {s} have?|How large is {s}?",
                "{v}.|it has {v}.|there are {v}.",
            ),
            attribute(
                "weekday",
                weekday,
                "trains on {v}|practises every {v}",
                "On which day does {s} train?|When is the training of {s}?",
                "on {v}.|{v}.|training is on {v}.",
            ),
        ),
    ),
    Frame(
        "It",
        named(
            "Lantern|Harvest|Winter|Harbour|Autumn|Spring|Copper|River|Midnight|Garden|Silver"
            "|Coastal",
            "Fair|Festival|Market|Parade|Concert|Regatta|Exhibition|Carnival|Marathon|Ball",
        ),
        (
            attribute(
                "place",
                place,
                "is held in {v}|takes place in {v}",
                "Where is {s} held?|In which town does {s} take place?",
                "in {v}.|{v}.|it is held in {v}.",
            ),
            attribute(
                "date",
                date,
                "starts on {v}|opens on {v}",
                "On what date does {s} start?|When does {s} begin?",
                "on {v}.|{v}.|it starts on {v}.",
            ),
            PRICE,
            person("is run by {v}|is organised by {v}", "organises"),
            attribute(
                "visitors",
                number(4, 99, "visitors", 100),
                "expects {v}|draws about {v}",
                "How many visitors come to {s}?|How many people does {s} draw?",
                "{v}.|about {v}.|it draws {v}.",
            ),
        ),
    ),
    Frame(
        "It",
        named(
            "budget|marketing|safety|design|pottery|history|first aid|planning|sales|writing",
            "meeting|workshop|seminar|course",
        ),
        (
            person("is led by {v}|is chaired by {v}", "leads"),
            attribute(
                "weekday",
                weekday,
                "is on {v}|takes place on {v}",
                "On which day is {s}?|What day should I keep free for {s}?",
                "on {v}.|{v}.|it is on {v}.",
            ),
            time_of("start", "start time"),
            time_of("end", "end time"),
            attribute(
                "room",
                numbered("room", 10, 59),
                "uses {v}|was moved to {v}",
                "Which room is {s} in?|Where do I go for {s}?",
                "{v}.|in {v}.|it is in {v}.",
            ),
            attribute(
                "people",
                number(3, 60, "people"),
                "has space for {v}|takes {v}",
                "How many people fit into {s}?|For how many people is {s}?",
                "{v}.|there is space for {v}.|it takes {v}.",
            ),
        ),
    ),
)
