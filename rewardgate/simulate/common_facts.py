"""Common knowledge: relations with their true pairs. Wrong answers take another pair's object."""

from typing import NamedTuple


class Relation(NamedTuple):
    name: str
    topic: str
    questions: tuple[str, ...]
    brief: tuple[str, ...]
    complete: tuple[str, ...]
    pairs: list[tuple[str, str]]


def _pairs(text: str) -> list[tuple[str, str]]:
    split = (pair.split(":") for pair in text.split("|"))
    return [(subject.strip(), value.strip()) for subject, value in split]


RELATIONS = (
    Relation(
        "capital",
        "the capital of {s}",
        (
            "What is the capital of {s}?",
            "Which city is the capital of {s}?",
            "Name {s}'s capital city.",
        ),
        ("{o}.", "It is {o}.", "{o} is."),
        ("The capital of {s} is {o}.", "{o} is the capital city of {s}."),
        _pairs(
            "Spain:Madrid|Portugal:Lisbon|Austria:Vienna|Poland:Warsaw|Hungary:Budapest"
            "|Greece:Athens"
            "|Norway:Oslo|Sweden:Stockholm|Denmark:Copenhagen|Finland:Helsinki|Ireland:Dublin"
            "|Egypt:Cairo|Kenya:Nairobi|Japan:Tokyo|China:Beijing|Thailand:Bangkok|Cuba:Havana"
            "|Peru:Lima|Chile:Santiago|Canada:Ottawa|Russia:Moscow|Turkey:Ankara|Iraq:Baghdad"
            "|Iran:Tehran|Belgium:Brussels|Germany:Berlin|Ukraine:Kyiv|Argentina:Buenos Aires"
        ),
    ),
    Relation(
        "author",
        "the author of {s}",
        ("Who wrote {s}?", "Who is the author of {s}?", "Name the writer of {s}."),
        ("{o}.", "It was {o}.", "{o} wrote it."),
        ("{s} was written by {o}.", "{o} is the author of {s}."),
        _pairs(
            "Hamlet:William Shakespeare|Oliver Twist:Charles Dickens|Emma:Jane Austen"
            "|War and Peace:Leo Tolstoy|Don Quixote:Miguel de Cervantes|Moby-Dick:Herman Melville"
            "|Frankenstein:Mary Shelley|Dracula:Bram Stoker|Faust:Johann Wolfgang von Goethe"
            "|Ulysses:James Joyce|The Trial:Franz Kafka|The Hobbit:J. R. R. Tolkien"
            "|Animal Farm:George Orwell|Les Miserables:Victor Hugo|The Odyssey:Homer"
            "|Tom Sawyer:Mark Twain|Jane Eyre:Charlotte Bronte"
            "|Treasure Island:Robert Louis Stevenson"
        ),
    ),
    Relation(
        "young",
        "the young of a {s}",
        ("What is a young {s} called?", "What do you call the baby of a {s}?"),
        ("A {o}.", "It is a {o}.", "People say {o}."),
        ("A young {s} is called a {o}.", "The baby of a {s} is known as a {o}."),
        _pairs(
            "dog:puppy|cat:kitten|horse:foal|cow:calf|sheep:lamb|pig:piglet|goat:kid|lion:cub"
            "|duck:duckling|goose:gosling|frog:tadpole|kangaroo:joey|swan:cygnet|deer:fawn"
            "|hen:chick"
        ),
    ),
    Relation(
        "continent",
        "the continent of {s}",
        (
            "On which continent is {s}?",
            "{s} is part of which continent?",
            "Name the continent of {s}.",
        ),
        ("{o}.", "It is in {o}.", "In {o}."),
        ("{s} is a country in {o}.", "{s} lies on the continent of {o}."),
        _pairs(
            "Nigeria:Africa|Brazil:South America|India:Asia|Italy:Europe|Ghana:Africa|Vietnam:Asia"
            "|Colombia:South America|France:Europe|Mongolia:Asia|Morocco:Africa"
            "|Bolivia:South America"
            "|Switzerland:Europe|Ethiopia:Africa|Nepal:Asia|Ecuador:South America|Romania:Europe"
        ),
    ),
    Relation(
        "opposite",
        "the opposite of {s}",
        ("What is the opposite of {s}?", "Give a word that means the opposite of '{s}'."),
        ("{o}.", "It is {o}.", "The word {o}."),
        ("The opposite of {s} is {o}.", "{o} means the opposite of {s}."),
        _pairs(
            "hot:cold|early:late|heavy:light|rich:poor|loud:quiet|empty:full|wet:dry|strong:weak"
            "|young:old|wide:narrow|deep:shallow|rough:smooth|cheap:expensive|brave:cowardly"
            "|ancient:modern|victory:defeat|arrival:departure|sweet:bitter"
        ),
    ),
    Relation(
        "worker",
        "the workplace of a {s}",
        ("Where does a {s} work?", "What is the usual workplace of a {s}?"),
        ("In {o}.", "Usually {o}.", "Look in {o}."),
        ("A {s} usually works in {o}.", "You will find a {s} in {o}."),
        _pairs(
            "teacher:a school|surgeon:a hospital|judge:a court|chef:a kitchen|pilot:a cockpit"
            "|priest:a church|miner:a mine|sailor:a ship|librarian:a library|farmer:a field"
            "|mechanic:a garage|chemist:a laboratory|cashier:a shop|banker:a bank|actor:a theatre"
        ),
    ),
    Relation(
        "tool",
        "the use of a {s}",
        ("What is a {s} used for?", "What do people do with a {s}?"),
        ("{o}.", "For {o}.", "It is for {o}."),
        ("A {s} is used for {o}.", "People use a {s} for {o}."),
        _pairs(
            "hammer:driving nails|broom:sweeping floors|telescope:looking at stars|oven:baking"
            "|needle:sewing|spade:digging|compass:finding north|thermometer:measuring temperature"
            "|calculator:doing sums|toothbrush:cleaning teeth|umbrella:keeping off rain"
            "|saw:cutting wood"
            "|ruler:measuring length|kettle:boiling water|pillow:resting the head"
            "|ladder:climbing up"
        ),
    ),
    Relation(
        "language",
        "the language spoken in {s}",
        ("Which language is spoken in {s}?", "What language do people in {s} speak?"),
        ("{o}.", "Mostly {o}.", "They speak {o}."),
        ("The main language of {s} is {o}.", "People in {s} mostly speak {o}."),
        _pairs(
            "Mexico:Spanish|Brazil:Portuguese|Austria:German|Egypt:Arabic|Russia:Russian"
            "|Japan:Japanese"
            "|France:French|Italy:Italian|Greece:Greek|Poland:Polish|Sweden:Swedish|Turkey:Turkish"
            "|Iran:Persian|Israel:Hebrew|Thailand:Thai|Hungary:Hungarian|Vietnam:Vietnamese"
        ),
    ),
    Relation(
        "made_from",
        "what {s} is made from",
        ("What is {s} made from?", "Which raw material gives us {s}?"),
        ("{o}.", "From {o}.", "It comes from {o}."),
        ("{s} is made from {o}.", "We make {s} from {o}."),
        _pairs(
            "wine:grapes|bread:flour|cheese:milk|paper:wood|glass:sand|chocolate:cocoa beans"
            "|tofu:soybeans"
            "|beer:barley|cider:apples|wool:sheep's hair|leather:animal skin|popcorn:maize"
            "|raisins:dried grapes"
            "|linen:flax|ketchup:tomatoes|hummus:chickpeas|marzipan:almonds"
        ),
    ),
)
