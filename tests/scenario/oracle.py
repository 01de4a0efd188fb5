"""A second opinion on every score: the seven indexes once more, written from the official texts and
not from the catalogs or the rule engine, in exact fractions.

    evaluate("vl-province-2025", [{"unit": "VL", "inputs": {"1.2": {"a": "5", "b": "5"}}}])

gives what `chiso evaluate --json` must print, one dict a unit, in order. Each index is a table: code,
maximum, and how the text computes the points. Where the texts are silent, docs/readings.md decides.

What neither of them decides is left open. A status that could be one or another (an input missing
beside one that cannot be read) has both names, "invalid|missing"; a flag that may stand or not ends
in a question mark. Both never move a point.

Every way to compute says in `takes` which inputs it has, so that tests can make them up.
"""
import collections
import re
from fractions import Fraction

MILLION = 10**6
DECIMAL = re.compile(r"([0-9]+)(?:\.([0-9]+))?")
ZERO, ONE = Fraction(0), Fraction(1)


class Problem(Exception):
    """Why there are no points: a set of statuses."""

    def __init__(self, *statuses):
        super().__init__(*statuses)
        self.statuses = set(statuses)


# ---- reading the inputs ------------------------------------------------------------------------


def number(value):
    """A readable figure, never negative, in millionths. A float is not exact, so it is not readable."""
    match = isinstance(value, str) and DECIMAL.fullmatch(value)
    if match:
        behind = (match[2] or "").rstrip("0")
        if len(match[1].lstrip("0")) > 18 or len(behind) > 6:
            raise Problem("invalid")
        return Fraction(int(match[1] + behind), 10 ** len(behind))
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Fraction(value)
    raise Problem("invalid")


def readable(value):
    try:
        return number(value) >= 0
    except Problem:
        return False


def flag(value):
    if isinstance(value, bool):
        return value
    raise Problem("invalid")  # also for "yes", 1 and the like


def positions(value):
    if not isinstance(value, list):
        raise Problem("invalid")
    return {number(v) for v in value}


def read(x, **readers):
    """The values of the named inputs; one that is absent or null is missing."""
    values, statuses = [], set()
    for name, reader in readers.items():
        try:
            if x.get(name) is None:
                raise Problem("missing")
            values.append(reader(x[name]))
        except Problem as problem:
            statuses |= problem.statuses
    if statuses:
        raise Problem(*statuses)
    return values


def letters(x, names):
    return dict(zip(names, read(x, **{name: number for name in names})))


# ---- how the texts compute ---------------------------------------------------------------------
# Each of these makes a function of (inputs, maximum, flags, best ratio of the peers) -> points.


def taking(how, /, **takes):
    how.takes = takes
    return how


class Ratio:
    """top / bottom, both sums of letters. `part`: what stands above is a part of what stands below,
    so that more than all of it is a contradiction, and not only a good result."""

    def __init__(self, top, bottom, part=True, when_zero=None):
        self.top, self.bottom = top.split("+"), bottom.split("+")
        self.part, self.when_zero = part, when_zero

    def sums(self, x):
        names = dict.fromkeys(self.top + self.bottom)
        v = letters(x, names)
        return sum(v[n] for n in self.top), sum(v[n] for n in self.bottom)

    def __call__(self, x, flags):
        top, bottom = self.sums(x)
        if bottom == 0:
            if self.when_zero is not None:
                return self.when_zero
            raise Problem("undefined")
        return self.flagged(top / bottom, flags)

    def flagged(self, r, flags):
        if r > 1:
            flags |= {"ratio_gt_1", "inconsistent"} if self.part else {"ratio_gt_1"}
        return min(r, ONE)


def over(r, of):
    """points from a capped ratio r: of(value, maximum)"""
    how = taking(lambda x, m, flags, best: of(r(x, flags), m),
                 **dict.fromkeys(r.top + r.bottom, "number"))
    how.ratio = r
    return how


def ratio(top="a", bottom="b", **how):
    """Điểm = Tỷ lệ * Điểm tối đa"""
    return over(Ratio(top, bottom, **how), lambda r, m: r * m)


def all_from(target, top="a", bottom="b", **how):
    """Điểm tối đa from the target on, 0 below it"""
    target = Fraction(target)
    return over(Ratio(top, bottom, **how), lambda r, m: m if r >= target else ZERO)


def nothing_below(floor, top="b", bottom="a", **how):
    """Tỷ lệ * Điểm tối đa, but 0 when the ratio is below the floor"""
    floor = Fraction(floor)
    return over(Ratio(top, bottom, **how), lambda r, m: m * r if r >= floor else ZERO)


def towards(target, top="a", bottom="b", **how):
    """Điểm tối đa from the target on, below it Tỷ lệ / target * Điểm tối đa"""
    target = Fraction(target)
    return over(Ratio(top, bottom, **how), lambda r, m: m if r >= target else m * (r / target))


def jump_at(target, top="a", bottom="b", **how):
    """Điểm tối đa from the target on, below it Tỷ lệ * Điểm tối đa as it is printed"""
    target = Fraction(target)
    return over(Ratio(top, bottom, **how), lambda r, m: m if r >= target else m * r)


def levels(*steps, top="a", bottom="b"):
    """(from, points) in falling order; below all of them 0"""
    steps = [(Fraction(lowest), Fraction(worth)) for lowest, worth in steps]
    return over(Ratio(top, bottom), lambda r, m: next(
        (worth for lowest, worth in steps if r >= lowest), ZERO))


def one_of(*worth):
    """exclusive levels with their points, in the text's order"""
    by_choice = {i: Fraction(w) for i, w in enumerate(worth, 1)}

    def points(x, m, flags, best):
        (choice,) = read(x, option=number)
        if choice not in by_choice:
            raise Problem("invalid")
        return by_choice[choice]

    return taking(points, option=len(worth))


def each_of(*worth):
    """a checklist: what is met adds up"""
    by_item = {i: Fraction(w) for i, w in enumerate(worth, 1)}

    def points(x, m, flags, best):
        (met,) = read(x, items=positions)
        if not met <= set(by_item):
            raise Problem("invalid")
        return sum((by_item[i] for i in met), ZERO)

    return taking(points, items=len(worth))


def half_below(target):
    """A section with `target` items or more: all; with fewer, even none: half; no section: 0."""
    return section(lambda n, m: m if n >= target else m / 2)


def section(of):
    def points(x, m, flags, best):
        if x.get("has") is False:  # the text gives 0 without asking for a number
            if x.get("n") is not None and not readable(x["n"]):
                raise Problem("scored", "invalid")
            return ZERO
        _, n = read(x, has=flag, n=number)
        return of(n, m)

    return taking(points, has="flag", n="number")


def tenths():
    """Từ 10 tin, bài trở lên: điểm tối đa; dưới 10: số tin bài/10 * Điểm tối đa; no section: 0"""
    return section(lambda n, m: m * min(n / 10, ONE))


def meetings(x, m, flags, best):
    """Điểm = a/c*(điểm tối đa) + b/c*1/2*(điểm tối đa), never above the maximum"""
    a, b, c = read(x, a=number, b=number, c=number)
    if c == 0:
        raise Problem("undefined")
    value = a / c + b / c / 2
    if value > 1:
        flags.add("ratio_gt_1")
    if a > c or b > c:
        flags.add("inconsistent?")  # is a + b/2 a part of c? Both a and b are
    return m * min(value, ONE)


taking(meetings, a="number", b="number", c="number")


def incidents(x, m, flags, best):
    """b>0: a/b*Điểm tối đa; b=0: Điểm tối đa when 100% of the systems report to the platforms"""
    a, b = read(x, a=number, b=number)
    if b > 0:
        return m * Ratio("a", "b").flagged(a / b, flags)
    c, d = read(x, c=number, d=number)
    if d == 0:
        raise Problem("undefined")
    if c > d:
        flags |= {"ratio_gt_1?", "inconsistent?"}
    return m if c >= d else ZERO


taking(incidents, a="number", b="number", c="number", d="number")


def percentage(x, m, flags, best):
    """a percentage that the national portal states"""
    (p,) = read(x, p=number)
    if p > 100:  # a ratio above 1 counts as 1
        flags |= {"ratio_gt_1", "inconsistent?"}
    return m * min(p / 100, ONE)


taking(percentage, p="number")


def as_given(x, m, flags, best):
    (points,) = read(x, points=number)
    if points > m:
        raise Problem("invalid")
    return points


taking(as_given, points="number")


def against_the_best(x, m, flags, best):
    """tỷ lệ của địa phương / tỷ lệ của địa phương cao nhất * điểm tối đa"""
    a, b = read(x, a=number, b=number)
    if b == 0 or not best:
        raise Problem("undefined")
    return m * (a / b) / best  # 1 at most: no ratio is above the best one


taking(against_the_best, a="number", b="number")


def parts(**each):
    """p1=(maximum, how), …: the points add up; without one of them there are none"""
    each = {name: (Fraction(own), how) for name, (own, how) in each.items()}

    def points(x, m, flags, best):
        total, statuses = ZERO, set()
        for name, (own, how) in each.items():
            inner = x.get(name)
            try:
                total += how(inner if isinstance(inner, dict) else {}, own, flags, best)
            except Problem as problem:
                statuses |= problem.statuses
        if statuses:
            raise Problem(*statuses)
        return total

    points.parts = each
    return taking(points, **{name: how.takes for name, (_, how) in each.items()})


def sevenths(x, m, flags, best):
    return ratio(part=False)({**x, "b": "7"}, m, flags, best)


taking(sevenths, a="number")

BEST = ("vl-province-2025", "7.5")

# ---- Hải Phòng: Quyết định 1187/QĐ-BNV, tiêu chí 7, the listed criteria only ----------------------
# In this table a is the whole and b the part.

HP_2025 = {
    "7.1": ("1.50", parts(
        p1=("1.00", nothing_below("0.8")),  # Nếu tỷ lệ b/a <0.8 thì điểm đánh giá là 0
        p2=("0.50", nothing_below("0.8", when_zero=ONE)))),  # a = 0 thì đạt điểm tối đa
    "7.2.1": ("0.50", one_of("0.5", "0")),
    "7.2.2": ("1.00", parts(
        p1=("0.50", one_of("0.5", "0.25", "0")),
        p2=("0.50", ratio("b", "a")))),
    "7.2.3": ("1.00", each_of("0.5", "0.25", "0.25")),
    "7.3.1": ("0.50", levels(("1", "0.5"), ("0.8", "0.25"), top="b", bottom="a")),
    "7.3.2": ("1.00", levels(("1", "1"), ("0.8", "0.5"), top="b", bottom="a")),
    "7.3.3": ("1.00", parts(
        p1=("0.50", one_of("0.5", "0.25", "0")),
        p2=("0.50", one_of("0.5", "0")))),
    "7.4.3": ("1.00", each_of("0.5", "0.5")),
    "7.4.5": ("0.50", nothing_below("0.60")),
    "7.4.6": ("1.50", jump_at("0.7", "b", "a")),  # Nếu b/a >=0.7 thì đạt điểm tối đa
}

HP_2024 = {
    "7.1.1": ("0.50", one_of("0.5", "0")),
    "7.1.2": ("1.00", one_of("1", "0")),
    "7.1.3": ("1.00", ratio("b", "a")),
    "7.2.1": ("0.50", parts(
        p1=("0.25", all_from("1", "b", "a")),
        p2=("0.25", all_from("1", "b", "a")))),
    "7.2.2": ("1.00", parts(
        p1=("0.25", all_from("1", "b", "a")),
        p2=("0.25", all_from("1", "b", "a")),
        p3=("0.50", all_from("0.8", "b", "a")))),  # Từ 80% - 100% UBND cấp xã đã kết nối: 0.5
    "7.3.3": ("1.00", one_of("1", "0.5", "0")),
    "7.3.5": ("0.50", nothing_below("0.90")),
    "7.3.6": ("1.50", ratio("b", "a")),
}

# ---- Hà Nội: kế hoạch 2025, points are given by the scoring unit -----------------------------------


def given_points(*pillars):
    return {f"{p}.{i}": (str(worth), as_given)
            for p, column in enumerate(pillars, 1) for i, worth in enumerate(column, 1)}


HN_CITY = given_points(
    [5, 5, 5],  # Nhận thức số, 15
    [10, 5, 10, 10],  # Thể chế số, 35
    [10, 10],  # Hạ tầng số, 20
    [5, 5, 5],  # Nhân lực số, 15
    [10, 5, 5, 5, 5],  # An toàn thông tin mạng, 30
    [5, 10, 10, 5, 10, 10, 10, 10, 10, 10, 10],  # Hoạt động chính quyền số, 100
    [20],  # Hoạt động kinh tế số, 20
    [5, 5, 5],  # Hoạt động xã hội số, 15
    [50, 50])  # Mức độ hoàn thành Kế hoạch, 100
HN_COMMUNE = given_points(
    [5, 5, 5, 5, 5],  # Nhận thức số, 25
    [10, 10, 10],  # Thể chế số, 30
    [5, 5, 10, 10, 5],  # Hạ tầng số, 35
    [5, 5, 5, 5, 5, 5],  # Nhân lực số, 30
    [5, 10, 5, 10],  # An toàn thông tin mạng, 30
    [10, 10, 10, 20, 5, 5, 5, 5, 5, 5],  # Hoạt động chính quyền số, 80
    [5, 5, 5, 5, 5, 5],  # Hoạt động kinh tế số, 30
    [5, 5, 5, 5, 5, 5, 5, 5])  # Hoạt động xã hội số, 40

# "x" in the column "Không đánh giá năm 2025"
HN_CITY_X = {"4.2", "5.1", "5.2", "5.3", "5.4", "5.5", "6.1", "7.1", "8.1"}
HN_COMMUNE_X = {"1.3", "1.4", "4.4", "5.1", "5.2", "5.3", "5.4", "6.1", "6.8", "8.1", "8.7", "8.8"}

# ---- Vĩnh Long: Quyết định 1474/QĐ-UBND --------------------------------------------------------------

VL = {
    "1.1": ("10", one_of("10", "0", "0")),  # head and active; head, not active; not the head
    "1.2": ("10", all_from("1", part=False)),  # issued / asked for by the ministry
    "1.3": ("10", half_below(52)),
    "1.4": ("10", half_below(52)),
    "1.5": ("10", half_below(12)),
    "2.1": ("10", one_of("10", "0")),
    "2.2": ("10", one_of("10", "0")),
    "2.3": ("10", one_of("10", "0")),
    "2.4": ("20", each_of("10", "10")),
    "3.1": ("30", ratio()),
    "3.2": ("30", ratio()),
    "3.3": ("30", ratio(part=False)),  # thuê bao / dân số: one person may have two
    "3.4": ("30", all_from("0.80")),
    "3.5": ("30", parts(
        p1=("15", one_of("15", "7.5", "0")),  # 1/2, 1/4 of 30
        p2=("15", ratio()))),
    "3.6": ("30", sevenths),  # the list asks for 7 platforms at least; there may be more
    "3.7": ("20", each_of("10", "5", "5")),
    "4.1": ("10", all_from("1")),
    "4.2": ("30", all_from("0.10", "a+b", "c+d")),
    "4.3": ("20", all_from("0.01")),
    "4.4": ("20", ratio()),
    "4.5": ("10", all_from("0.05")),
    "4.6": ("10", ratio(part=False)),  # people of any age / those from 15 on
    "5.1": ("20", ratio()),
    "5.2": ("20", ratio()),
    "5.3": ("10", ratio()),
    "5.4": ("10", ratio()),
    "5.5": ("10", ratio()),
    "5.6": ("10", ratio()),
    "5.7": ("10", one_of("10", "0")),
    "5.8": ("10", one_of("10", "0")),
    "6.1": ("20", each_of("5", "5", "5", "5")),
    "6.2": ("20", one_of("20", "10", "0")),
    "6.3": ("20", ratio()),
    "6.4": ("20", all_from("0.60")),
    "6.5": ("20", towards("0.80", "b+c", "a")),
    "6.6": ("50", towards("0.70", "b", "a")),
    "6.7": ("10", ratio("a+b", "c+d")),
    "6.8": ("10", ratio("b+d", "a+c")),
    "6.9": ("30", towards("0.01", "a+b", "c")),
    "7.1": ("50", jump_at("0.20")),
    "7.2": ("30", jump_at("0.5", part=False)),  # enterprises / thousands of people
    "7.3": ("20", towards("0.80")),
    "7.4": ("20", towards("0.50")),
    "7.5": ("30", against_the_best),
    "8.1": ("50", ratio()),
    "8.2": ("50", towards("0.50", part=False)),  # certificates / people: one may have two
    "8.3": ("50", towards("0.70")),
}

# ---- Hải Dương: Quyết định 2405/QĐ-UBND --------------------------------------------------------------

HD_DEPARTMENT = {
    "1.1": ("20", one_of("20", "10", "0")),
    "1.2": ("10", meetings),
    "1.3": ("10", tenths()),
    "1.4": ("10", each_of("5", "5")),
    "2.1": ("10", one_of("10", "0")),
    "2.2": ("20", one_of("20", "0", "0")),  # before 15/01; later; not at all
    "3.1": ("10", ratio()),
    "3.2": ("10", ratio()),
    "4.1": ("5", one_of("5", "0")),
    "4.2": ("15", one_of("15", "0")),
    "4.3": ("10", ratio("a", "b+c")),
    "5.1": ("10", ratio()),
    "5.2": ("10", ratio()),
    "5.3": ("10", ratio(when_zero=ONE)),  # b = 0: Điểm = điểm tối đa
    "5.4": ("10", ratio()),
    "5.5": ("10", one_of("10", "5", "0")),
    "5.6": ("10", one_of("10", "5", "0")),
    "5.7": ("10", incidents),
    "6.1": ("20", ratio()),
    "6.2": ("20", ratio("c+d", "a+b")),
    "6.3": ("20", ratio("b+c", "a")),
    "6.4": ("20", percentage),
    "6.5": ("20", ratio()),
}

# Mức 1 ≥ 0,7 % (điểm tối đa), mức 2 ≥ 0,4% (70% điểm), mức 3 ≥ 0,2% (30% điểm), mức 4 0 điểm
LADDER = (("0.007", "10"), ("0.004", "7"), ("0.002", "3"))

HD_DISTRICT = {
    "1.1": ("10", one_of("10", "5", "0")),
    "1.2": ("10", meetings),
    "1.3": ("10", tenths()),
    "1.4": ("10", each_of("5", "5")),
    "1.5": ("10", one_of("10", "0")),
    "1.6": ("10", one_of("10", "5", "0")),
    "2.1": ("10", one_of("10", "0")),
    "2.2": ("10", one_of("10", "0")),
    "2.3": ("10", one_of("10", "0")),
    "2.4": ("10", one_of("10", "0")),
    "2.5": ("10", one_of("10", "0")),
    "3.1": ("5", ratio()),
    "3.2": ("5", ratio()),
    "3.3": ("5", ratio()),
    "3.4": ("5", ratio("a+b", "c")),
    "3.5": ("5", ratio("a+b", "c")),
    "3.6": ("5", None),  # the sum of 3.6.1 and 3.6.2
    "3.6.1": ("2.5", ratio()),
    "3.6.2": ("2.5", ratio()),
    "4.1": ("10", ratio()),
    "4.2": ("5", ratio()),
    "4.3": ("15", ratio()),
    "4.4": ("10", ratio("a+b+c+d", "e")),
    "4.5": ("10", one_of("10", "0")),
    "4.6": ("10", ratio()),
    "4.7": ("10", towards("0.80")),
    "5.1": ("10", ratio()),
    "5.2": ("10", ratio()),
    "5.3": ("10", ratio()),  # no rule for b = 0 here
    "5.4": ("10", ratio("a+b", "c")),
    "5.5": ("10", incidents),
    "6.1": ("10", ratio()),
    "6.2": ("10", percentage),
    "6.3": ("20", ratio("b", "a")),
    "6.4": ("20", ratio("b", "a")),
    "6.5": ("10", ratio()),
    "6.6": ("10", ratio()),
    "6.7": ("10", ratio("b+d", "a+c")),
    "6.8": ("10", one_of("10", "0")),
    "6.9": ("10", one_of("10", "0")),
    "6.10": ("10", one_of("10", "0")),
    "6.11": ("10", one_of("10", "0")),
    "6.12": ("10", levels(*LADDER)),
    "6.13": ("10", levels(*LADDER)),
    "6.14": ("10", ratio()),
    "6.15": ("10", ratio()),
    "7.1": ("10", ratio()),
    "7.2": ("10", ratio()),
    "7.3": ("10", ratio()),
    "7.4": ("10", ratio()),
    "7.5": ("10", ratio()),
    "7.6": ("10", ratio()),
    "7.7": ("10", ratio()),
    "7.8": ("10", ratio()),
    "8.1": ("10", ratio()),
    "8.2": ("10", ratio()),
    "8.3": ("10", ratio()),
    "8.4": ("10", ratio()),
    "8.5": ("10", ratio()),
    "8.6": ("10", ratio()),
    "8.7": ("10", ratio()),
    "8.8": ("10", towards("0.0025")),
    "8.9": ("10", towards("0.0025")),
}

Index = collections.namedtuple("Index", "indicators total not_assessed")


def as_index(table, total, not_assessed=frozenset()):
    return Index({code: (Fraction(most), how) for code, (most, how) in table.items()},
                 Fraction(total), not_assessed)


INDEXES = {
    "hp-par-2025": as_index(HP_2025, "9.50"),
    "hp-par-2024": as_index(HP_2024, "7.00"),
    "hn-city-2025": as_index(HN_CITY, "350", HN_CITY_X),
    "hn-commune-2025": as_index(HN_COMMUNE, "300", HN_COMMUNE_X),
    "vl-province-2025": as_index(VL, "1000"),
    "hd-department-2024": as_index(HD_DEPARTMENT, "300"),
    "hd-district-2024": as_index(HD_DISTRICT, "600"),
}

# ---- an assessment ------------------------------------------------------------------------------


def pillar_of(code):
    return code.split(".")[0]


def children_of(index, code):
    return [c for c in INDEXES[index].indicators if c.startswith(code + ".")]


def half_up(value):
    """to millionths"""
    return Fraction(millionths(value), MILLION)


def millionths(value):
    """the whole number of them that is nearest, of two the higher"""
    return (2 * value.numerator * MILLION + value.denominator) // (2 * value.denominator)


def decimal(micro):
    return f"{micro // MILLION}.{micro % MILLION:06d}"


def text(value):
    """with six decimals"""
    return decimal(millionths(value))


def excluded_codes(index, unit):
    named = unit.get("excluded")
    if named is None:
        named = INDEXES[index].not_assessed
    return {code for code in INDEXES[index].indicators
            if any(code == e or code.startswith(e + ".") for e in named)}


def best_ratio(units):
    """of VL 7.5 among all units; those without a usable ratio, and those for which it is not
    assessed, are ignored. None without two of them: a unit is not its own peer."""
    ratios = []
    for unit in units:
        index, code = BEST
        if code in excluded_codes(index, unit):
            continue
        try:
            a, b = read(unit.get("inputs", {}).get(code, {}), a=number, b=number)
        except Problem:
            continue
        if b > 0:
            ratios.append(a / b)
    return max(ratios) if len(ratios) > 1 else None


def score(index, code, given, best=None):
    """(points, status, flags) of one indicator that is assessed and has no children"""
    worth, how = INDEXES[index].indicators[code]
    flags = set()
    try:
        return half_up(how(given, worth, flags, best)), "scored", flags
    except Problem as problem:
        return ZERO, "|".join(sorted(problem.statuses)), set()


def evaluate(index, units):
    table = INDEXES[index].indicators
    best = best_ratio(units) if index == BEST[0] else None
    rows = [evaluate_unit(index, table, unit, best) for unit in units]
    exact = [row.pop("exact") for row in rows]
    first = {}  # competition ranking: the place of the first of those that are equal
    for place, own in enumerate(sorted((e for e in exact if e is not None), reverse=True), 1):
        first.setdefault(own, str(place))
    for row, own in zip(rows, exact):
        row["rank"] = first.get(own)
    return rows


def evaluate_unit(index, table, unit, best):
    out = excluded_codes(index, unit)
    results = {}
    for code, (_, how) in table.items():
        if code in out:
            results[code] = ZERO, "excluded", set()
        elif how is not None:
            results[code] = score(index, code, unit.get("inputs", {}).get(code, {}), best)
    for code, (_, how) in table.items():
        if how is None:
            results[code] = sum_up([results[c] for c in children_of(index, code)])
    leaves = [code for code, (_, how) in table.items() if how is not None]

    points, most, scored = collections.Counter(), collections.Counter(), 0  # in millionths
    for code in leaves:
        if code not in out:
            points[pillar_of(code)] += millionths(results[code][0])
            most[pillar_of(code)] += millionths(table[code][0])
            scored += millionths(table[code][0]) * (results[code][1] == "scored")
    exact = Fraction(points.total(), most.total()) if most else None
    return {
        "unit": unit["unit"],
        "index": index,
        "indicators": {code: {"points": text(results[code][0]), "max": text(most_of),
                              "status": results[code][1], "flags": sorted(results[code][2])}
                       for code, (most_of, _) in table.items()},
        "pillars": {p: {"points": decimal(points[p]), "max": decimal(most[p])}
                    for p in dict.fromkeys(map(pillar_of, table))},
        "points": decimal(points.total()),
        "max": decimal(most.total()),
        "percent": text(exact * 100) if most else None,
        "coverage": text(Fraction(scored, most.total())) if most else None,
        "exact": exact,
    }


def sum_up(children):
    """A parent has the points of its children, and is scored when all that are assessed are."""
    points = sum((c[0] for c in children), ZERO)
    statuses = {c[1] for c in children} - {"excluded"} or {"excluded"}
    if len(statuses) > 1:
        statuses -= {"scored"}
    return points, "|".join(sorted(statuses)), set().union(*(c[2] for c in children))


assert all(sum(most for most, how in i.indicators.values() if how) == i.total
           for i in INDEXES.values())
