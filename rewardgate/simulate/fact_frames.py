"""What the invented notes are about: subjects and their attributes."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rewardgate.simulate.lexicon import (
    clock,
    colour,
    date,
    full_name,
    place,
    weekday,
    year,
)
from rewardgate.simulate.task import pick

Draw = Callable[[np.random.Generator], str]


class Attribute(NamedTuple):
    type: str
    """Two attributes of one type can be mixed up with each other."""
    value: Draw
    statements: tuple[str, ...]
    """Predicates that follow the subject or its pronoun."""
    questions: tuple[str, ...]
    brief: tuple[str, ...]


class Frame(NamedTuple):
    pronoun: str
    subject: Draw
    attributes: tuple[Attribute, ...]


def _of(*options: str) -> Draw:
    return lambda rng: pick(rng, options)


def _number(low: int, high: int, unit: str, step: int = 1) -> Draw:
    return lambda rng: f"{step * int(rng.integers(low, high + 1))} {unit}"


def _named(adjectives: str, nouns: str) -> Draw:
    return lambda rng: f"the {pick(rng, adjectives.split())} {pick(rng, nouns.split())}"


def _by(*verbs: str, question: str) -> Attribute:
    """A person who did something to the subject."""
    return Attribute(
        "person",
        full_name,
        tuple(f"{verb} {{v}}" for verb in verbs),
        (f"Who {question} {{s}}?", f"Name the person who {question} {{s}}."),
        ("{v}.", "it was {v}.", "the name is {v}."),
    )


def _clock(verb: str, noun: str) -> Attribute:
    return Attribute(
        "clock",
        clock,
        (f"{verb}s at {{v}}",),
        (f"When does {{s}} {verb}?", f"What is the {noun} of {{s}}?", f"At what time does {{s}} {verb}?"),
        ("at {v}.", "{v}.", f"the {noun} is {{v}}."),
    )


_WHERE = Attribute(
    "place",
    place,
    ("is in {v}", "can be found in {v}", "is located in {v}"),
    ("Where is {s}?", "In which town is {s}?", "Which town is home to {s}?"),
    ("in {v}.", "{v}.", "it is in {v}."),
)
_PRICE = Attribute(
    "price",
    _number(3, 95, "euros"),
    ("costs {v}", "has a price of {v}"),
    ("How much does {s} cost?", "What is the price of {s}?", "What do I pay for {s}?"),
    ("{v}.", "it costs {v}.", "the price is {v}."),
)
_FOUNDED = Attribute(
    "year",
    year,
    ("was founded in {v}", "dates from {v}"),
    ("When was {s} founded?", "In which year was {s} founded?", "How old is {s}? Give the year."),
    ("in {v}.", "{v}.", "the year was {v}."),
)
_COLOUR = Attribute(
    "colour",
    colour,
    ("is {v}", "has a {v} colour"),
    ("What colour is {s}?", "Which colour does {s} have?"),
    ("{v}.", "it is {v}.", "the colour is {v}."),
)

FRAMES = (
    Frame(
        "It",
        _named(
            "Lantern Harvest Winter Harbour Autumn Spring Copper River Midnight Garden Silver Coastal",
            "Fair Festival Market Parade Concert Regatta Exhibition Carnival Marathon Ball",
        ),
        (
            Attribute(
                "place",
                place,
                ("is held in {v}", "takes place in {v}"),
                ("Where is {s} held?", "In which town does {s} take place?"),
                ("in {v}.", "{v}.", "it is held in {v}."),
            ),
            Attribute(
                "date",
                date,
                ("starts on {v}", "opens on {v}"),
                ("On what date does {s} start?", "When does {s} begin?"),
                ("on {v}.", "{v}.", "it starts on {v}."),
            ),
            _PRICE,
            _by("is run by", "is organised by", question="organises"),
            Attribute(
                "visitors",
                _number(4, 99, "visitors", 100),
                ("expects {v}", "draws about {v}"),
                ("How many visitors come to {s}?", "How many people does {s} draw?"),
                ("{v}.", "about {v}.", "it draws {v}."),
            ),
        ),
    ),
    Frame(
        "The person",
        full_name,
        (
            Attribute(
                "place",
                place,
                ("lives in {v}", "has a home in {v}"),
                ("Where does {s} live?", "In which town does {s} live?"),
                ("in {v}.", "{v}.", "the home town is {v}."),
            ),
            Attribute(
                "place",
                place,
                ("was born in {v}", "comes from {v}"),
                ("Where was {s} born?", "What is the birthplace of {s}?"),
                ("in {v}.", "{v}.", "the birthplace is {v}."),
            ),
            Attribute(
                "job",
                _of(
                    *["a nurse", "a pilot", "a baker", "a lawyer", "a teacher", "a plumber", "a painter", "a farmer", "a chemist", "a translator", "a carpenter", "an architect", "an engineer", "a librarian", "a dentist"]
                ),
                ("works as {v}", "earns a living as {v}"),
                ("What is the job of {s}?", "What does {s} do for a living?"),
                ("{v}.", "the job is {v}.", "works as {v}."),
            ),
            Attribute(
                "hobby",
                _of(
                    *["chess", "tennis", "fishing", "pottery", "sailing", "cycling", "gardening", "knitting", "climbing", "painting", "singing", "photography", "bird watching", "swimming", "archery", "cooking"]
                ),
                ("enjoys {v}", "spends the weekends on {v}"),
                ("What is the hobby of {s}?", "What does {s} do in free time?"),
                ("{v}.", "the hobby is {v}.", "mostly {v}."),
            ),
            Attribute(
                "pet",
                _of(
                    *["a parrot", "a cat", "a rabbit", "a goat", "a turtle", "a poodle", "a hamster", "a pony", "a snake", "a goose", "a terrier", "a canary", "a lizard", "a donkey"]
                ),
                ("keeps {v}", "owns {v}"),
                ("Which animal does {s} keep?", "What pet does {s} own?"),
                ("{v}.", "the pet is {v}.", "it is {v}."),
            ),
        ),
    ),
    Frame(
        "It",
        _named(
            "Falcon Orion Nimbus Vega Atlas Comet Delta Aurora Titan Pioneer Meridian Summit",
            "lamp kettle tent backpack bicycle printer drill jacket heater blender suitcase stove",
        ),
        (
            _COLOUR,
            _PRICE,
            Attribute(
                "weight",
                _number(2, 40, "kilograms"),
                ("weighs {v}",),
                ("How heavy is {s}?", "What is the weight of {s}?", "How much does {s} weigh?"),
                ("{v}.", "it weighs {v}.", "the weight is {v}."),
            ),
            Attribute(
                "warranty",
                _number(2, 30, "months"),
                ("has a warranty of {v}", "comes with {v} of warranty"),
                ("How long is the warranty of {s}?", "What warranty does {s} have?"),
                ("{v}.", "the warranty is {v}.", "it lasts {v}."),
            ),
            Attribute(
                "material",
                _of(*["steel", "bamboo", "plastic", "cotton", "leather", "aluminium", "wood", "glass", "copper", "wool", "nylon"]),
                ("is made of {v}", "consists mostly of {v}"),
                ("What is {s} made of?", "Which material is {s} made from?"),
                ("{v}.", "it is made of {v}.", "mostly {v}."),
            ),
            Attribute(
                "place",
                place,
                ("is built in {v}", "comes from a factory in {v}"),
                ("Where is {s} built?", "In which town is {s} made?"),
                ("in {v}.", "{v}.", "the factory is in {v}."),
            ),
        ),
    ),
    Frame(
        "It",
        lambda rng: f"the {pick(rng, ('ferry', 'train', 'night bus', 'express', 'coach'))} to {place(rng)}",
        (
            _clock("leave", "departure time"),
            _clock("arrive", "arrival time"),
            Attribute(
                "platform",
                _of(*(f"gate {n}" for n in range(1, 25))),
                ("departs from {v}", "waits at {v}"),
                ("Which gate does {s} use?", "Where do I board {s}?"),
                ("{v}.", "it is {v}.", "go to {v}."),
            ),
            Attribute(
                "price",
                _number(4, 80, "euros"),
                ("costs {v}", "has tickets for {v}"),
                ("What is the fare for {s}?", "How much is a ticket for {s}?"),
                ("{v}.", "a ticket is {v}.", "the fare is {v}."),
            ),
            Attribute(
                "minutes",
                _number(3, 40, "minutes", 5),
                ("takes {v}", "needs {v} for the trip"),
                ("How long does {s} take?", "How long is the journey with {s}?"),
                ("{v}.", "it takes {v}.", "the trip lasts {v}."),
            ),
        ),
    ),
    Frame(
        "It",
        lambda rng: f"the novel {_title(rng)}",
        (
            _by("was written by", "is the work of", question="wrote"),
            _by("was translated by", question="translated"),
            Attribute(
                "year",
                year,
                ("was published in {v}", "came out in {v}"),
                ("When was {s} published?", "In which year did {s} come out?"),
                ("in {v}.", "{v}.", "the year was {v}."),
            ),
            Attribute(
                "pages",
                _number(90, 700, "pages"),
                ("has {v}", "runs to {v}"),
                ("How many pages does {s} have?", "How long is {s}?"),
                ("{v}.", "it has {v}.", "it runs to {v}."),
            ),
            Attribute(
                "theme",
                _of(
                    *["a lighthouse keeper", "two rival bakers", "a lost expedition", "a stolen violin", "a school in war", "a talking horse", "an old clockmaker", "a shipwreck", "a family of spies", "a desert town", "a chess master", "a haunted mill"]
                ),
                ("is about {v}", "tells the story of {v}"),
                ("What is {s} about?", "Whose story does {s} tell? What is it about?"),
                ("{v}.", "it is about {v}.", "the story of {v}."),
            ),
        ),
    ),
    Frame(
        "It",
        _named(
            "Maple Castle Station Mill Abbey Lakeside Corner Orchard Tower Quarry Bridge Chapel",
            "museum bakery library bookshop cafe pharmacy gallery cinema gym aquarium",
        ),
        (
            _WHERE,
            _clock("open", "opening time"),
            _clock("close", "closing time"),
            _FOUNDED,
            Attribute(
                "weekday",
                weekday,
                ("stays shut on {v}", "has its day off on {v}"),
                ("On which day is {s} shut?", "Which day should I avoid for a visit to {s}?"),
                ("on {v}.", "{v}.", "it is shut on {v}."),
            ),
            _by("belongs to", "is owned by", question="owns"),
        ),
    ),
    Frame(
        "It",
        _named(
            "Granite Old Northern Iron Swan Victory Long Eagle Marble Union Stone Twin",
            "bridge dam lighthouse tunnel stadium tower castle canal cathedral",
        ),
        (
            _WHERE,
            _by("was designed by", "is the work of", question="designed"),
            Attribute(
                "length",
                _number(6, 90, "metres", 10),
                ("measures {v}", "reaches {v}"),
                ("What size is {s}?", "How many metres does {s} measure?"),
                ("{v}.", "it measures {v}.", "the size is {v}."),
            ),
            Attribute(
                "year",
                year,
                ("was finished in {v}", "was completed in {v}"),
                ("When was {s} finished?", "In which year was {s} completed?"),
                ("in {v}.", "{v}.", "the year was {v}."),
            ),
            Attribute(
                "cost",
                _number(2, 95, "million crowns"),
                ("cost {v}", "took {v} to build"),
                ("What did {s} cost?", "How much money went into {s}?"),
                ("{v}.", "it cost {v}.", "the cost was {v}."),
            ),
        ),
    ),
    Frame(
        "The team",
        lambda rng: f"the {place(rng)} {pick(rng, ['Tigers', 'Rovers', 'Hawks', 'Wolves', 'Comets', 'Bears', 'Sharks'])}",
        (
            _by("is coached by", question="coaches"),
            _by("is captained by", "plays under captain", question="captains"),
            _FOUNDED,
            _COLOUR._replace(
                statements=("plays in {v}", "wears {v}"),
                questions=("Which colour does {s} wear?", "What colour do {s} play in?"),
                brief=("{v}.", "the colour is {v}.", "they wear {v}."),
            ),
            Attribute(
                "members",
                _number(20, 900, "members"),
                ("has {v}", "counts {v}"),
                ("How many members does {s} have?", "How large is {s}?"),
                ("{v}.", "it has {v}.", "there are {v}."),
            ),
            Attribute(
                "weekday",
                weekday,
                ("trains on {v}", "practises every {v}"),
                ("On which day does {s} train?", "When is the training of {s}?"),
                ("on {v}.", "{v}.", "training is on {v}."),
            ),
        ),
    ),
    Frame(
        "It",
        lambda rng: f"the {pick(rng, _DISH_STYLES)} {pick(rng, _DISHES)}",
        (
            Attribute(
                "minutes",
                _number(3, 30, "minutes", 5),
                ("cooks for {v}", "needs {v} on the heat"),
                ("How long does {s} cook?", "What is the cooking time of {s}?"),
                ("{v}.", "it cooks for {v}.", "the time is {v}."),
            ),
            Attribute(
                "people",
                _number(2, 16, "people"),
                ("serves {v}", "is enough for {v}"),
                ("How many people does {s} serve?", "For how many people is {s}?"),
                ("{v}.", "it serves {v}.", "it is for {v}."),
            ),
            Attribute(
                "ingredient",
                _of(
                    *["leeks", "lentils", "mushrooms", "salmon", "almonds", "pumpkin", "spinach", "chestnuts", "fennel", "bacon", "apples", "cherries", "ginger", "walnuts", "goat cheese", "red cabbage"]
                ),
                ("is based on {v}", "gets its taste from {v}"),
                ("What is the main ingredient of {s}?", "What gives {s} its taste?"),
                ("{v}.", "it is {v}.", "mainly {v}."),
            ),
            Attribute(
                "place",
                place,
                ("comes from {v}", "was first served in {v}"),
                ("Where does {s} come from?", "Which town gave us {s}?"),
                ("from {v}.", "{v}.", "it comes from {v}."),
            ),
            Attribute(
                "side",
                _of(*["rice", "bread", "potatoes", "noodles", "salad", "pickles", "yoghurt", "beans", "dumplings", "couscous"]),
                ("is served with {v}", "goes well with {v}"),
                ("What is {s} served with?", "What goes with {s}?"),
                ("{v}.", "with {v}.", "it is served with {v}."),
            ),
        ),
    ),
    Frame(
        "It",
        lambda rng: f"the {pick(rng, _ROOMS)} {pick(rng, ('meeting', 'workshop', 'seminar', 'course'))}",
        (
            _by("is led by", "is chaired by", question="leads"),
            Attribute(
                "weekday",
                weekday,
                ("is on {v}", "takes place on {v}"),
                ("On which day is {s}?", "What day should I keep free for {s}?"),
                ("on {v}.", "{v}.", "it is on {v}."),
            ),
            _clock("start", "start time"),
            _clock("end", "end time"),
            Attribute(
                "room",
                _of(*(f"room {n}" for n in range(10, 60))),
                ("uses {v}", "was moved to {v}"),
                ("Which room is {s} in?", "Where do I go for {s}?"),
                ("{v}.", "in {v}.", "it is in {v}."),
            ),
            Attribute(
                "people",
                _number(3, 60, "people"),
                ("has space for {v}", "takes {v}"),
                ("How many people fit into {s}?", "For how many people is {s}?"),
                ("{v}.", "there is space for {v}.", "it takes {v}."),
            ),
        ),
    ),
)

_DISH_STYLES = ["smoked", "spicy", "creamy", "roasted", "sweet", "sour", "crispy", "winter", "farmhouse", "festive"]
_DISHES = ["soup", "stew", "pie", "tart", "curry", "omelette", "casserole", "pancake", "pudding", "risotto", "salad"]
_ROOMS = ["budget", "marketing", "safety", "design", "pottery", "history", "first aid", "planning", "sales", "writing"]
_TITLES = ["Glass", "Paper", "Salt", "Broken", "Hidden", "Last", "Blue", "Silent", "Burning", "Borrowed", "Hollow", "Distant"]
_TITLE_NOUNS = ["Garden", "Orchard", "Harbour", "Letter", "Crown", "Mirror", "River", "House", "Map", "Winter", "Island", "Bell"]


def _title(rng: np.random.Generator) -> str:
    return f"The {pick(rng, _TITLES)} {pick(rng, _TITLE_NOUNS)}"
