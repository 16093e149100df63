"""The functions that a guarded statement may call, each reviewed: they compute from their arguments and nothing else.

Left out on purpose, besides what reads files, settings, catalogues or the network: what makes much out of little
(``repeat``, ``range``, ``generate_series``, ``space``, ``format``, ``printf``), what runs text as SQL, sequences,
variables.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from .nodes import classes

_TEXT = """
Lower Upper Initcap Length ByteLength Trim Left Right Substring SubstringIndex StrPosition Replace Concat ConcatWs
Split SplitPart StartsWith EndsWith Contains Reverse Translate Pad Ascii Chr Unicode Levenshtein Stuff
RegexpLike RegexpILike RegexpExtract RegexpExtractAll RegexpReplace RegexpSplit RegexpCount RegexpInstr RegexpFullMatch
MD5 MD5Digest SHA SHA2 Hex LowerHex Unhex ToBase64 FromBase64 Encode Decode Normalize Soundex
JarowinklerSimilarity Hex IsAscii
"""
_TIME = """
CurrentDate CurrentTimestamp CurrentDatetime CurrentTime Localtimestamp Localtime Date Time Timestamp Datetime
DateAdd DateSub DateDiff DateTrunc DateBin DateFromParts DateStrToDate DateToDateStr
DatetimeAdd DatetimeSub DatetimeDiff DatetimeTrunc TimestampAdd TimestampSub TimestampDiff TimestampTrunc
TimestampFromParts TimeAdd TimeSub TimeDiff TimeTrunc TimeStrToTime TimeStrToDate TimeToStr TimeToUnix UnixToTime
StrToDate StrToTime StrToUnix TsOrDsToDate TsOrDsToTimestamp TsOrDsToDateStr TsOrDsAdd TsOrDsDiff TsOrDiToDi
UnixDate UnixSeconds UnixMillis UnixMicros Year Quarter Month Week WeekOfYear Day DayOfMonth DayOfWeek
DayOfWeekIso DayOfYear Dayname Monthname Hour Minute Second LastDay NextDay AddMonths MonthsBetween ConvertTimezone
FromISO8601Timestamp ParseDatetime ParseTime ToDays
TimeFromParts Convert
"""
_NUMBERS = """
Abs Ceil Floor Round Trunc Sign Sqrt Cbrt Exp Ln Log Greatest Least SafeDivide IsNan IsInf Rand Pi Degrees Radians
Sin Cos Tan Asin Acos Atan Atan2 BitwiseCount WidthBucket SafeAdd SafeSubtract SafeMultiply
"""
_JSON = """
JSONExtract JSONExtractScalar JSONExtractArray JSONBExtract JSONBExtractScalar ParseJSON JSONFormat JSONValueArray
JSONType JSONArrayContains JSONKeys
"""
_LISTS = """
ArraySize ArrayContains ArrayAny ArrayAll ArrayConcat ArrayDistinct ArrayFilter Transform ArrayPosition
ArrayReverse ArraySlice ArrayToString ArraySort ArrayMax ArrayMin ArraySum ArrayIntersect ArrayExcept ArrayFirst
ArrayLast ArrayRemove
ArrayCompact ArrayUniqueAgg Flatten Reduce Explode MapKeys Map StructExtract ArraysZip
"""
_AGGREGATES = """
Count CountIf Sum Avg Min Max Median Mode Stddev StddevPop StddevSamp Variance VariancePop Corr CovarPop CovarSamp
ArgMax ArgMin AnyValue First Last ApproxDistinct ApproxQuantile ApproxQuantiles ApproxTopK Quantile PercentileCont
PercentileDisc GroupConcat ArrayAgg ArrayConcatAgg LogicalAnd LogicalOr Skewness Kurtosis BitwiseAndAgg BitwiseOrAgg
Grouping GroupingId
"""
_WINDOWS = "RowNumber Rank DenseRank PercentRank CumeDist Ntile Lag Lead FirstValue LastValue NthValue"
_OTHER = "Typeof NetFunc SafeFunc Host RegDomain"


TYPED: Final = classes(_TEXT + _TIME + _NUMBERS + _JSON + _LISTS + _AGGREGATES + f" {_WINDOWS} {_OTHER}")
"""What sqlglot knows by a class of its own."""

_NAMED = """
now today getdate getutcdate sysutcdatetime sysdatetime sysdatetimeoffset switchoffset todatetimeoffset age century
date_part datename epoch epoch_us epoch_ns to_seconds to_minutes to_hours to_days isoyear era millisecond microsecond
try_strptime at_timezone with_timezone to_iso8601 from_iso8601_date from_unixtime_nanos format_datetime date_parse
eomonth datefromparts prefix suffix strip_accents jaccard hamming damerau_levenshtein hamming_distance
levenshtein_distance bit_length octet_length ord patindex quotename regexp_position regexp_escape string_split_regex
regexp_split_to_array parse_path parse_filename url_decode url_encode url_extract_host url_extract_path
url_extract_port url_extract_protocol url_extract_query url_extract_parameter url_extract_fragment from_base to_base
from_utf8 to_utf8 to_hex from_hex xxhash64 sha1 sha512 hash host family netmask network broadcast ip_from_string
safe_ip_from_string ip_to_string ip_net_mask ip_trunc public_suffix json_valid json_array_length json_type json_keys
json_structure json_array_get json_size is_json_scalar isjson json_exists json_contains json_query json_query_array
json_value_array json_parse lax_string lax_int64 lax_bool list_any_value list_unique list_count list_value list_has
list_has_any list_has_all list_extract list_sum list_avg list_min list_max list_first list_last list_sort
list_reverse_sort list_distinct list_concat list_position list_slice list_zip list_append list_prepend list_intersect
array_join array_intersect any_match all_match none_match element_at arrays_overlap array_frequency array_union
array_except zip_with map_from_entries map_entries map_contains map_extract map_agg multimap_agg map_union map_filter
transform_values transform_keys struct_pack row_to_json histogram numeric_histogram approx_count_distinct
approx_most_frequent approx_percentile arbitrary max_by min_by geometric_mean geomean entropy mad product fsum
kahan_sum sem bit_xor bool_and bool_or every checksum regr_slope regr_intercept regr_r2 count_big stdev stdevp var
varp checksum_agg isnumeric is_nan is_finite is_infinite isnan isinf isfinite mod pmod even gcd lcm bit_count
bitwise_and bitwise_or bitwise_xor truncate div ieee_divide typeof concat choose fdiv
"""

NAMED: Final = frozenset(_NAMED.split())
"""What sqlglot knows by its name alone."""

LONGEST_PAD: Final = 1_000


def refusal(node: exp.Expr) -> str | None:
    """Why a function may not be called; ``None`` where it may."""
    if isinstance(node, exp.Anonymous):
        name = node.name
        return None if name.lower() in NAMED else f"the function {name} is not allowed"
    if type(node) not in TYPED:
        return f"the function {name_of(node)} is not allowed"
    if isinstance(node, exp.Pad):
        width = node.expression
        if not (isinstance(width, exp.Literal) and width.is_int and int(width.name) <= LONGEST_PAD):
            return f"LPAD and RPAD need a length that is a number up to {LONGEST_PAD}"
    return None


def name_of(node: exp.Expr) -> str:
    """What a person calls the function."""
    return node.sql_name() if isinstance(node, exp.Func) else type(node).__name__.upper()
