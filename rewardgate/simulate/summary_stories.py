"""The news items behind the summaries domain: sentences, endings and how each is summed up."""

from typing import NamedTuple

from rewardgate.simulate.task import words


class Ending(NamedTuple):
    told: str
    summed: str
    """A clause that can follow the brief summary after a comma."""


class Story(NamedTuple):
    sentences: tuple[str, ...]
    endings: tuple[Ending, ...]
    brief: tuple[str, ...]
    slots: dict[str, tuple[str, ...]]


STORIES = (
    Story(
        (
            "{who} opened a {shop} in {town} on {day}.",
            "The first {number} guests got {gift}.",
        ),
        (
            Ending("By noon the shelves were empty.", "and it sold out by noon"),
            Ending("Hardly anyone else came in.", "but few people came"),
            Ending("A burst pipe closed it the same day.", "but a burst pipe shut it that day"),
        ),
        (
            "{who} opened a {shop} in {town}",
            "a new {shop} run by {who} opened in {town}",
        ),
        {
            "shop": words(
                "bakery|bookshop|flower shop|tea room|toy shop|bike shop|cheese shop|salon"
            ),
            "gift": words("a free cake|a voucher|a paper bag|a balloon|a discount|a small plant"),
        },
    ),
    Story(
        (
            "The council of {town} voted to {plan} near the {spot}.",
            "{who} spoke for it, {other} against.",
        ),
        (
            Ending("Work starts next spring.", "and work starts in spring"),
            Ending("The money is still missing.", "but the money is missing"),
            Ending("Residents want to sue.", "and residents want to sue"),
        ),
        (
            "{town} decided to {plan} near the {spot}",
            "the {town} council will {plan} near the {spot}",
        ),
        {
            "plan": words(
                "build a school|plant an orchard|open a pool|ban cars|add a cycle lane"
                "|put up a cinema"
                "|dig a pond|tear down the bus depot"
            ),
            "spot": words("station|river|church|old mill|market|hospital|cemetery|stadium"),
        },
    ),
    Story(
        (
            "A {storm} hit {town} on {day}.",
            "It damaged {number} {things}, said fire chief {who}.",
        ),
        (
            Ending("Nobody was hurt.", "without injuring anyone"),
            Ending("Two people are in hospital.", "and two people were hurt"),
            Ending("The power is still out.", "and the power is still out"),
        ),
        (
            "a {storm} damaged {number} {things} in {town}",
            "{number} {things} in {town} were damaged by a {storm}",
        ),
        {
            "storm": words("storm|flood|hailstorm|tornado|blizzard|landslide"),
            "things": words("roofs|cars|boats|greenhouses|shops|barns|bridges|tents"),
        },
    ),
    Story(
        (
            "{who} won the {contest} in {town} on {day}.",
            "{other} came second after {number} minutes.",
        ),
        (
            Ending("The winner gave the prize to charity.", "and gave the prize away"),
            Ending("It was the winner's last contest.", "and now retires"),
            Ending("The jury was booed.", "to boos for the jury"),
        ),
        (
            "{who} won the {contest} in {town}, ahead of {other}",
            "in {town} {who} beat {other} in the {contest}",
        ),
        {
            "contest": words(
                "chess final|pie contest|swimming race|spelling bee|rowing cup|dance contest"
                "|ski race"
                "|poetry slam|darts match"
            ),
        },
    ),
    Story(
        (
            "Police in {town} found a stolen {object} in a {hideout} on {day}.",
            "It belongs to {who}.",
        ),
        (
            Ending("The thief, {other}, has confessed.", "and {other} confessed"),
            Ending("There is no trace of the thief.", "but the thief is unknown"),
            Ending("It was badly damaged.", "badly damaged"),
        ),
        (
            "police in {town} found the stolen {object} of {who} in a {hideout}",
            "a stolen {object} owned by {who} turned up in a {hideout} in {town}",
        ),
        {
            "object": words(
                "violin|tractor|painting|motorbike|necklace|statue|canoe|stamp album|piano"
            ),
            "hideout": words("barn|garage|cellar|forest hut|laundry|lock-up|hen house|lorry"),
        },
    ),
    Story(
        (
            "Researchers led by {who} studied {number} {animals} near {town}.",
            "They found that the animals {finding}.",
        ),
        (
            Ending("Food supply explains it, they think.", "probably because of food"),
            Ending("Nobody knows why.", "for reasons unknown"),
            Ending("Warmer winters are to blame.", "owing to warmer winters"),
        ),
        (
            "{who}'s team found that {animals} near {town} {finding}",
            "{animals} near {town} {finding}, a study by {who} found",
        ),
        {
            "animals": words("owls|foxes|otters|bats|beavers|hedgehogs|swans|toads|badgers"),
            "finding": words(
                "sleep longer|travel further|live in larger groups|raise fewer young|eat at night"
                "|avoid roads|nest earlier|are growing smaller"
            ),
        },
    ),
    Story(
        (
            "{who}, head of {firm} in {town}, will step down on {day}.",
            "{other} takes over the {number} employees.",
        ),
        (
            Ending("Illness is given as the reason.", "because of illness"),
            Ending("Sales had fallen for years.", "after years of falling sales"),
            Ending("The owners wanted fresh ideas.", "as the owners want fresh ideas"),
        ),
        (
            "{other} follows {who} as head of {firm}",
            "{who} leaves {firm} in {town} and {other} takes over",
        ),
        {
            "firm": words(
                "the brewery|the shipyard|the paper mill|the radio station|the airline|the bank"
                "|the theatre|the toy factory|the zoo"
            ),
        },
    ),
    Story(
        (
            "A {animal} escaped from a {place} in {town} on {day}.",
            "{who} spotted it {number} hours later in a {found}.",
        ),
        (
            Ending("It was brought back safely.", "and it is safely back"),
            Ending("It then got away again.", "but it got away again"),
            Ending("A family wants to adopt it.", "and a family wants to adopt it"),
        ),
        (
            "a {animal} that escaped from a {place} in {town} was seen in a {found}",
            "{who} saw the {animal} that had fled from a {place} in a {found}",
        ),
        {
            "animal": words(
                "llama|parrot|pony|python|ostrich|monkey|goat|peacock|wallaby|tortoise"
            ),
            "place": words("circus|farm|zoo|pet shop|clinic|park"),
            "found": words("car park|school yard|garden|supermarket|bus shelter|churchyard|field"),
        },
    ),
    Story(
        (
            "From {day} the {service} in {town} will cost {number} cents more.",
            "{who} of the operator blames {reason}.",
        ),
        (
            Ending("Students keep the old price.", "though not for students"),
            Ending("Passengers are protesting.", "and there are protests"),
            Ending("A further rise may follow.", "and more may follow"),
        ),
        (
            "the {service} in {town} gets {number} cents dearer because of {reason}",
            "{reason} makes the {service} in {town} {number} cents more expensive",
        ),
        {
            "service": words(
                "tram|ferry|bus|night train|swimming pool|car park|cable car|library card"
            ),
            "reason": words(
                "fuel prices|higher wages|new rules|repairs|empty seats|a bad year|rent"
            ),
        },
    ),
    Story(
        (
            "{who} from {town} has collected {number} {things} since childhood.",
            "On {day} the collection went to {other}.",
        ),
        (
            Ending("It will be shown in a museum.", "and a museum will show it"),
            Ending("The price was kept secret.", "at a secret price"),
            Ending("Half of it turned out to be fake.", "though half of it is fake"),
        ),
        (
            "{who} handed a collection of {number} {things} to {other}",
            "the {things} that {who} collected in {town} now belong to {other}",
        ),
        {
            "things": words(
                "teapots|postcards|beer mats|dolls|fossils|maps|clocks|old keys|radios|thimbles"
                "|masks"
            ),
        },
    ),
    Story(
        (
            "Pupils of a school in {town} built a {machine} out of {material}.",
            "Their teacher {who} helped for {number} days.",
        ),
        (
            Ending("It won a national prize.", "and won a national prize"),
            Ending("It broke at the first test.", "but it broke at once"),
            Ending("A company wants to buy it.", "and a company wants it"),
        ),
        (
            "a school class in {town} built a {machine} from {material}",
            "with {who} pupils from {town} made a {machine} out of {material}",
        ),
        {
            "machine": words(
                "robot|boat|weather station|telescope|wind turbine|cart|solar oven|drone"
            ),
            "material": words("scrap metal|cardboard|old bikes|bottles|driftwood|umbrellas|cans"),
        },
    ),
    Story(
        (
            "The {event} in {town} was called off on {day}.",
            "The organiser {who} named {cause} as the reason.",
        ),
        (
            Ending("Tickets will be refunded.", "and tickets are refunded"),
            Ending("A new date is set for June.", "and is moved to June"),
            Ending("Fans had waited for {number} hours.", "after fans waited {number} hours"),
        ),
        (
            "{cause} forced {town} to call off the {event}",
            "the {event} in {town} was cancelled because of {cause}",
        ),
        {
            "event": words(
                "jazz concert|book fair|marathon|opera night|dog show|beer festival|air show"
                "|carnival"
            ),
            "cause": words("a strike|heavy rain|a flu wave|lack of staff|a bomb hoax|a power cut"),
        },
    ),
)
