"""Notes on things and places."""

from rewardgate.simulate.fact_attributes import (
    COLOUR,
    FOUNDED,
    PRICE,
    WHERE,
    Frame,
    attribute,
    named,
    number,
    numbered,
    one_of,
    person,
    time_of,
)
from rewardgate.simulate.lexicon import place, weekday, year
from rewardgate.simulate.task import pick

_RIDES = ("ferry", "train", "night bus", "express", "coach")

THINGS = (
    Frame(
        "It",
        named(
            "Falcon|Orion|Nimbus|Vega|Atlas|Comet|Delta|Aurora|Titan|Pioneer|Meridian|Summit",
            "lamp|kettle|tent|backpack|bicycle|printer|drill|jacket|heater|blender|suitcase|stove",
        ),
        (
            COLOUR,
            PRICE,
            attribute(
                "weight",
                number(2, 40, "kilograms"),
                "weighs {v}",
                "How heavy is {s}?|What is the weight of {s}?|How much does {s} weigh?",
                "{v}.|it weighs {v}.|the weight is {v}.",
            ),
            attribute(
                "warranty",
                number(2, 30, "months"),
                "has a warranty of {v}|comes with {v} of warranty",
                "How long is the warranty of {s}?|What warranty does {s} have?",
                "{v}.|the warranty is {v}.|it lasts {v}.",
            ),
            attribute(
                "material",
                one_of(
                    "steel|bamboo|plastic|cotton|leather|aluminium|wood|glass|copper|wool|nylon"
                ),
                "is made of {v}|consists mostly of {v}",
                "What is {s} made of?|Which material is {s} made from?",
                "{v}.|it is made of {v}.|mostly {v}.",
            ),
            attribute(
                "place",
                place,
                "is built in {v}|comes from a factory in {v}",
                "Where is {s} built?|In which town is {s} made?",
                "in {v}.|{v}.|the factory is in {v}.",
            ),
        ),
    ),
    Frame(
        "It",
        lambda rng: f"the {pick(rng, _RIDES)} to {place(rng)}",
        (
            time_of("leave", "departure time"),
            time_of("arrive", "arrival time"),
            attribute(
                "platform",
                numbered("gate", 1, 24),
                "departs from {v}|waits at {v}",
                "Which gate does {s} use?|Where do I board {s}?",
                "{v}.|it is {v}.|go to {v}.",
            ),
            attribute(
                "price",
                number(4, 80, "euros"),
                "costs {v}|has tickets for {v}",
                "What is the fare for {s}?|How much is a ticket for {s}?",
                "{v}.|a ticket is {v}.|the fare is {v}.",
            ),
            attribute(
                "minutes",
                number(3, 40, "minutes", 5),
                "takes {v}|needs {v} for the trip",
                "How long does {s} take?|How long is the journey with {s}?",
                "{v}.|it takes {v}.|the trip lasts {v}.",
            ),
        ),
    ),
    Frame(
        "It",
        named(
            "Maple|Castle|Station|Mill|Abbey|Lakeside|Corner|Orchard|Tower|Quarry|Bridge|Chapel",
            "museum|bakery|library|bookshop|cafe|pharmacy|gallery|cinema|gym|aquarium",
        ),
        (
            WHERE,
            time_of("open", "opening time"),
            time_of("close", "closing time"),
            FOUNDED,
            attribute(
                "weekday",
                weekday,
                "stays shut on {v}|has its day off on {v}",
                "On which day is {s} shut?|Which day should I avoid for a visit to {s}?",
                "on {v}.|{v}.|it is shut on {v}.",
            ),
            person("belongs to {v}|is owned by {v}", "owns"),
        ),
    ),
    Frame(
        "It",
        named(
            "Granite|Old|Northern|Iron|Swan|Victory|Long|Eagle|Marble|Union|Stone|Twin",
            "bridge|dam|lighthouse|tunnel|stadium|tower|castle|canal|cathedral",
        ),
        (
            WHERE,
            person("was designed by {v}|is the work of {v}", "designed"),
            attribute(
                "length",
                number(6, 90, "metres", 10),
                "measures {v}|reaches {v}",
                "What size is {s}?|How many metres does {s} measure?",
                "{v}.|it measures {v}.|the size is {v}.",
            ),
            attribute(
                "year",
                year,
                "was finished in {v}|was completed in {v}",
                "When was {s} finished?|In which year was {s} completed?",
                "in {v}.|{v}.|the year was {v}.",
            ),
            attribute(
                "cost",
                number(2, 95, "million crowns"),
                "cost {v}|took {v} to build",
                "What did {s} cost?|How much money went into {s}?",
                "{v}.|it cost {v}.|the cost was {v}.",
            ),
        ),
    ),
    Frame(
        "It",
        named(
            "smoked|spicy|creamy|roasted|sweet|sour|crispy|winter|farmhouse|festive",
            "soup|stew|pie|tart|curry|omelette|casserole|pancake|pudding|risotto|salad",
        ),
        (
            attribute(
                "minutes",
                number(3, 30, "minutes", 5),
                "cooks for {v}|needs {v} on the heat",
                "How long does {s} cook?|What is the cooking time of {s}?",
                "{v}.|it cooks for {v}.|the time is {v}.",
            ),
            attribute(
                "people",
                number(2, 16, "people"),
                "serves {v}|is enough for {v}",
                "How many people does {s} serve?|For how many people is {s}?",
                "{v}.|it serves {v}.|it is for {v}.",
            ),
            attribute(
                "ingredient",
                one_of(
                    "leeks|lentils|mushrooms|salmon|almonds|pumpkin|spinach|chestnuts|fennel"
                    "|bacon|apples|cherries|ginger|walnuts|goat cheese|red cabbage"
                ),
                "is based on {v}|gets its taste from {v}",
                "What is the main ingredient of {s}?|What gives {s} its taste?",
                "{v}.|it is {v}.|mainly {v}.",
            ),
            attribute(
                "place",
                place,
                "comes from {v}|was first served in {v}",
                "Where does {s} come from?|Which town gave us {s}?",
                "from {v}.|{v}.|it comes from {v}.",
            ),
            attribute(
                "side",
                one_of(
                    "rice|bread|potatoes|noodles|salad|pickles|yoghurt|beans|dumplings|couscous"
                ),
                "is served with {v}|goes well with {v}",
                "What is {s} served with?|What goes with {s}?",
                "{v}.|with {v}.|it is served with {v}.",
            ),
        ),
    ),
)
