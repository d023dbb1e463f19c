"""What the format tasks are about: things to list, and how a sentence on them begins."""

from typing import NamedTuple

from rewardgate.simulate.task import words


class Topic(NamedTuple):
    ask: str
    lead: str
    items: tuple[str, ...]


def _topic(ask: str, lead: str, items: str) -> Topic:
    return Topic(ask, lead, words(items))


TOPICS = (
    _topic(
        "things to pack for the beach",
        "For the beach you should pack",
        "a towel|sunscreen|a sun hat|swimwear|sandals|a parasol|sunglasses|a beach ball|goggles"
        "|a cool box",
    ),
    _topic(
        "things to take on a winter hike",
        "On a winter hike take",
        "thick gloves|a wool cap|hot tea|spare socks|a headlamp|snow boots|a map|a warm fleece"
        "|hiking poles",
    ),
    _topic(
        "ways to save electricity",
        "To save electricity",
        "switch off idle screens|use LED bulbs|air-dry the laundry|unplug old chargers"
        "|lower the heating"
        "|cook with a lid on|defrost the freezer|wash at low temperature",
    ),
    _topic(
        "tips for better sleep",
        "For better sleep",
        "go to bed at the same hour|darken the bedroom|avoid late coffee|put the phone away"
        "|keep the room cool|read a dull book|skip heavy dinners|get a firm mattress",
    ),
    _topic(
        "questions for a job interview",
        "In a job interview ask",
        "what the team is like|how success is measured|why the post is free|who the manager is"
        "|what the first month holds|how pay rises work|whether remote work is possible",
    ),
    _topic(
        "ingredients for a vegetable soup",
        "A vegetable soup needs",
        "carrots|onions|celery|leeks|potatoes|parsley|stock|garlic|a bay leaf|beans|turnips",
    ),
    _topic(
        "toppings for a pizza",
        "A pizza can be topped with",
        "mozzarella|tomato sauce|salami|olives|basil|mushrooms|peppers|anchovies|ham|pineapple"
        "|oregano",
    ),
    _topic(
        "animals found on a farm",
        "On a farm you find",
        "cows|hens|pigs|sheep|goats|a sheepdog|horses|geese|a rooster|donkeys|ducks",
    ),
    _topic(
        "animals of the sea",
        "In the sea live",
        "whales|dolphins|sharks|squid|jellyfish|sea turtles|crabs|lobsters|seals|octopuses|rays",
    ),
    _topic(
        "tools for a carpenter",
        "A carpenter works with",
        "a hammer|a saw|a chisel|a plane|a drill|clamps|a spirit level|sandpaper|a screwdriver"
        "|pliers",
    ),
    _topic(
        "musical instruments",
        "An orchestra may have",
        "a violin|a flute|a trumpet|a cello|a harp|drums|a clarinet|an oboe|a piano|a tuba"
        "|a bassoon",
    ),
    _topic(
        "ways to learn a language",
        "To learn a language",
        "watch films with subtitles|keep a word list|talk to native speakers|read simple novels"
        "|sing along to songs|take an evening class|label things at home|find a tandem partner",
    ),
    _topic(
        "games for a children's birthday",
        "At a children's birthday play",
        "hide and seek|musical chairs|a sack race|pin the tail|a treasure hunt|charades|tag"
        "|an egg-and-spoon race|blind man's buff",
    ),
    _topic(
        "planets",
        "The solar system has",
        "Mercury|Venus|Earth|Mars|Jupiter|Saturn|Uranus|Neptune",
    ),
    _topic(
        "things to check on a used car",
        "On a used car check",
        "the brakes|the tyres|the mileage|rust under the doors|the oil level|the service book"
        "|the headlights|the gearbox|the exhaust",
    ),
    _topic(
        "plants for a shady balcony",
        "On a shady balcony grow",
        "ferns|hostas|ivy|begonias|fuchsias|mint|heuchera|hydrangeas|violets|moss",
    ),
    _topic(
        "ways to calm down before an exam",
        "Before an exam",
        "breathe slowly|take a short walk|stretch the shoulders|review brief notes|drink some water"
        "|think of a past success|talk to a classmate|listen to soft music",
    ),
    _topic(
        "parts of a computer",
        "A computer consists of",
        "a processor|memory|a graphics card|a power supply|a hard disk|a keyboard|a motherboard"
        "|a monitor|a cooling fan",
    ),
    _topic(
        "household chores for teenagers",
        "Teenagers can",
        "empty the dishwasher|vacuum the hall|take out the rubbish|mow the lawn|fold the washing"
        "|clean the bathroom mirror|set the table|water the houseplants",
    ),
    _topic(
        "gifts for a grandmother",
        "A grandmother may like",
        "a photo album|a silk scarf|a teapot|an orchid|warm slippers|a crossword book|hand cream"
        "|a music box|a knitted blanket",
    ),
    _topic(
        "winter sports",
        "In winter people enjoy",
        "skiing|skating|curling|sledging|ice hockey|snowboarding|biathlon|bobsleigh|ski jumping",
    ),
    _topic(
        "rules for a library",
        "In a library",
        "speak in a low voice|return loans on time|leave food outside|silence your phone"
        "|keep pages clean|show your card|put volumes back",
    ),
    _topic(
        "steps to plant a tree",
        "To plant a tree",
        "dig a wide hole|loosen the roots|set the trunk upright|fill in the soil"
        "|press the earth down"
        "|water it well|add some mulch|tie it to a stake",
    ),
    _topic(
        "safety rules for cycling in town",
        "When cycling in town",
        "wear a helmet|use front and rear lights|signal before turning|keep off the pavement"
        "|watch for opening car doors|stop at red lights|check the tyre pressure",
    ),
    _topic(
        "breakfast ideas",
        "For breakfast try",
        "porridge with berries|scrambled eggs|yoghurt and granola|toast with honey"
        "|a banana smoothie"
        "|pancakes|muesli|a croissant|avocado toast",
    ),
    _topic(
        "jobs in a hospital",
        "In a hospital work",
        "nurses|surgeons|a pharmacist|porters|midwives|a radiologist|paramedics|physiotherapists"
        "|an anaesthetist",
    ),
    _topic(
        "colours of the rainbow",
        "The rainbow shows",
        "red|orange|yellow|green|blue|indigo|violet",
    ),
    _topic(
        "reasons to visit a museum",
        "Visit a museum to",
        "see old paintings|learn some history|shelter from rain|admire sculptures|meet a guide"
        "|discover fossils|join a workshop|view rare coins",
    ),
    _topic(
        "ways to welcome a new colleague",
        "To welcome a new colleague",
        "prepare the desk|show them the office|go for lunch together|introduce the team"
        "|share the calendar|explain the coffee machine|name a mentor",
    ),
    _topic(
        "things found in a first-aid kit",
        "A first-aid kit contains",
        "plasters|gauze|a bandage|tweezers|disinfectant|scissors|surgical tape|a cold pack"
        "|safety pins",
    ),
    _topic(
        "European rivers",
        "Through Europe flow",
        "the Danube|the Rhine|the Seine|the Thames|the Volga|the Elbe|the Loire|the Po|the Tagus",
    ),
    _topic(
        "furniture for a living room",
        "A living room has",
        "a sofa|a coffee table|an armchair|a bookcase|a rug|a floor lamp|a footstool|curtains"
        "|a sideboard",
    ),
)
