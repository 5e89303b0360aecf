"""What Windows has for single cultures where CLDR says otherwise (CVT-27 to CVT-31, CVT-84 to CVT-103).

`differences` gives the fields of a culture that replace those derived in ``cldr.py``.
Lists of names are one text split at "|"; names of several words have a no-break blank
between them, as Windows has it.  The commonest cultures stand whole in ``tables.py``.
"""

from __future__ import annotations

from typing import Any

#: The fields that are lists of names.
_NAMES = frozenset({
    "month_names", "month_names_genitive", "month_names_abbreviated", "month_names_abbreviated_genitive",
    "day_names", "day_names_abbreviated",
})  # fmt: skip

_ENGLISH_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_ENGLISH: dict[str, Any] = {"month_names_abbreviated": _ENGLISH_MONTHS, "am": "AM", "pm": "PM"}
_GERMAN: dict[str, Any] = {
    "month_names_abbreviated": "Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez",
    "month_names_abbreviated_genitive": "Jan.|Feb.|März|Apr.|Mai|Juni|Juli|Aug.|Sep.|Okt.|Nov.|Dez.",
    "day_names_abbreviated": "So.|Mo.|Di.|Mi.|Do.|Fr.|Sa.",
}
_SPANISH: dict[str, Any] = {
    "percent_positive": "n %", "percent_negative": "-n %",
    "month_names_abbreviated": "ene.|feb.|mar.|abr.|may.|jun.|jul.|ago.|sep.|oct.|nov.|dic.",
    "day_names_abbreviated": "dom.|lun.|mar.|mié.|jue.|vie.|sáb.", "am": "a. m.", "pm": "p. m.",
}  # fmt: skip
_PORTUGUESE: dict[str, Any] = {"month_names_abbreviated": "jan|fev|mar|abr|mai|jun|jul|ago|set|out|nov|dez"}
_CHINESE: dict[str, Any] = {
    "month_names": "一月|二月|三月|四月|五月|六月|七月|八月|九月|十月|十一月|十二月",
    "month_names_abbreviated": "一月|二月|三月|四月|五月|六月|七月|八月|九月|十月|十一月|十二月",
    "nan": "非數值", "long_date": "yyyy'年'M'月'd'日'", "year_month": "yyyy'年'M'月'",
}  # fmt: skip
_ARABIC_DAYS = "الأحد|الإثنين|الثلاثاء|الأربعاء|الخميس|الجمعة|السبت"
_ARABIC: dict[str, Any] = {
    "nan": "ليس\u00a0رقمًا", "day_names": _ARABIC_DAYS, "day_names_abbreviated": _ARABIC_DAYS,
    "short_date": "dd/MM/yyyy", "long_date": "dd MMMM, yyyy", "short_time": "hh:mm tt",
    "long_time": "hh:mm:ss tt", "month_day": "dd MMMM", "year_month": "MMMM, yyyy", "date_separator": "/",
}  # fmt: skip
_HIJRI_MONTHS = (
    "محرم|صفر|ربيع\u00a0الأول|ربيع\u00a0الثاني|جمادى\u00a0الأولى|جمادى\u00a0الثانية|رجب|شعبان|رمضان|شوال|"
    "ذو\u00a0القعدة|ذو\u00a0الحجة"
)
_JALALI_MONTHS = "فروردین|اردیبهشت|خرداد|تیر|مرداد|شهریور|مهر|آبان|آذر|دی|بهمن|اسفند"
_JALALI_DAYS = "يكشنبه|دوشنبه|سه\u00a0شنبه|چهارشنبه|پنجشنبه|جمعه|شنبه"
_VIETNAMESE_MONTHS = (
    "Tháng Giêng|Tháng Hai|Tháng Ba|Tháng Tư|Tháng Năm|Tháng Sáu|Tháng Bảy|Tháng Tám|Tháng Chín|"
    "Tháng Mười|Tháng Mười Một|Tháng Mười Hai"
)
_HINDI_MONTHS = "जनवरी|फरवरी|मार्च|अप्रैल|मई|जून|जुलाई|अगस्त|सितम्बर|अक्तूबर|नवम्बर|दिसम्बर"
_CLOCK: dict[str, Any] = {"short_time": "HH:mm", "long_time": "HH:mm:ss", "time_separator": ":"}
_SHORT_CLOCK: dict[str, Any] = {"short_time": "H:mm", "long_time": "H:mm:ss", "time_separator": ":"}
_SMALL_HALVES: dict[str, Any] = {"am": "am", "pm": "pm"}
_NO_HALVES: dict[str, Any] = {"am": "", "pm": ""}

#: What holds for all countries of a language.
_LANGUAGES: dict[str, dict[str, Any]] = {
    "ar": {"decimal": ".", "group": ",", "currency_decimal": ".", "currency_group": ","},
    "de": _GERMAN, "en": {"month_names_abbreviated": _ENGLISH_MONTHS}, "es": _SPANISH, "pt": _PORTUGUESE,
}  # fmt: skip
#: Names that mean another culture than their likeliest country, in lower case.
ALIASES = {
    "ar": "ar-SA", "sr": "sr-Latn-RS", "sw": "sw-KE", "zh-chs": "zh-CN", "zh-cht": "zh-HK", "zh-hant": "zh-HK",
}  # fmt: skip
_ROWS: dict[str, dict[str, Any]] = {
    "ar-AE": _ARABIC | {
        "first_day": 6,
        "month_names_genitive":
            "يناير|فبراير|مارس|أبريل|مايو|يونيو|يوليه|أغسطس|سبتمبر|أكتوبر|نوفمبر|ديسمبر",
    },
    "ar-BH": _ARABIC, "ar-EG": _ARABIC, "ar-KW": _ARABIC, "ar-OM": _ARABIC, "ar-QA": _ARABIC,
    "ar-DZ": {"short_date": "dd-MM-yyyy", "date_separator": "-"},
    "ar-MA": _ARABIC | _SHORT_CLOCK | {"short_date": "dd-MM-yyyy", "date_separator": "-"},
    "ar-SA": _ARABIC | {
        "calendar": "umalqura", "era": "بعد الهجرة", "month_names": _HIJRI_MONTHS,
        "month_names_abbreviated": _HIJRI_MONTHS, "short_date": "dd/MM/yy", "long_date": "dd/MMMM/yyyy",
        "decimal": ".", "group": ",", "currency_decimal": ".", "currency_group": ",",
        "percent_positive": "n %", "percent_negative": "-n %",
        "currency_positive": "n $", "currency_negative": "-n $",
    },
    "bg-BG": _NO_HALVES | {
        "month_names_abbreviated": "яну|фев|мар|апр|май|юни|юли|авг|сеп|окт|ное|дек",
        "day_names_abbreviated": "нед|пон|вт|ср|четв|пет|съб", "short_date": "d.M.yyyy 'г.'",
        "long_date": "dd MMMM yyyy 'г.'", "year_month": "MMMM yyyy 'г.'",
    },
    "ca-ES": {
        "percent_positive": "n%", "percent_negative": "-n%", "long_date": "dddd, d MMMM 'de' yyyy",
        "year_month": "MMMM 'de' yyyy",
    },
    "cs-CZ": {"short_date": "dd.MM.yyyy", "date_separator": "."},
    "da-DK": _CLOCK | _NO_HALVES | {
        "month_names_abbreviated": "jan|feb|mar|apr|maj|jun|jul|aug|sep|okt|nov|dec",
        "day_names_abbreviated": "sø|ma|ti|on|to|fr|lø", "short_date": "dd-MM-yyyy",
        "long_date": "d. MMMM yyyy", "date_separator": "-",
    },
    "de-AT": {
        "group": "\u00a0", "currency_negative": "-$ n", "short_date": "dd.MM.yyyy", "date_separator": ".",
        "month_names_abbreviated": "Jän|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez",
        "month_names_abbreviated_genitive": "Jän.|Feb.|März|Apr.|Mai|Juni|Juli|Aug.|Sep.|Okt.|Nov.|Dez.",
    },
    "el-GR": {
        "month_names_abbreviated": "Ιαν|Φεβ|Μαρ|Απρ|Μαϊ|Ιουν|Ιουλ|Αυγ|Σεπ|Οκτ|Νοε|Δεκ",
        "day_names_abbreviated": "Κυρ|Δευ|Τρι|Τετ|Πεμ|Παρ|Σαβ", "am": "πμ", "pm": "μμ",
        "long_date": "dddd, d MMMM yyyy",
    },
    "en-AU": _ENGLISH | {"short_date": "d/MM/yyyy", "short_time": "h:mm tt", "long_time": "h:mm:ss tt"},
    "en-CA": _ENGLISH | {
        "short_date": "yyyy-MM-dd", "date_separator": "-", "long_date": "MMMM d, yyyy",
        "month_day": "d MMMM", "year_month": "MMMM, yyyy",
    },
    "en-IE": _ENGLISH | _SMALL_HALVES,
    "en-IN": _ENGLISH | _CLOCK | {
        "short_date": "dd-MM-yyyy", "date_separator": "-", "first_day": 1, "long_date": "dd MMMM yyyy",
        "year_month": "MMMM, yyyy", "currency_positive": "$ n", "currency_negative": "$ -n",
    },
    "en-MY": _ENGLISH | {
        "first_day": 0, "short_date": "d/M/yyyy", "long_date": "dddd, d MMMM, yyyy",
        "year_month": "MMMM, yyyy",
    },
    "en-NZ": _ENGLISH | _SMALL_HALVES | {"short_date": "d/M/yyyy"},
    "en-PH": _SMALL_HALVES | {
        "short_date": "dd/MM/yyyy", "long_date": "dddd, d MMMM yyyy", "month_day": "d MMMM",
    },
    "en-ZA": _ENGLISH | _SMALL_HALVES,
    "es-AR": _CLOCK | {
        "first_day": 0, "currency_positive": "$ n", "currency_negative": "-$ n",
    },
    "es-CL": _SHORT_CLOCK,
    "es-CO": {"currency_positive": "$ n", "currency_negative": "-$ n"},
    "es-CR": _CLOCK, "es-EC": _SHORT_CLOCK, "es-UY": _SHORT_CLOCK,
    "es-MX": {"short_time": "hh:mm tt", "long_time": "hh:mm:ss tt"},
    "es-PE": _CLOCK | {
        "currency_positive": "$n", "currency_negative": "-$n",
        "month_names_abbreviated": "ene.|feb.|mar.|abr.|may.|jun.|jul.|ago.|set.|oct.|nov.|dic.",
    },
    "es-US": {
        "percent_positive": "n%", "percent_negative": "-n%", "day_names_abbreviated": "dom|lun|mar|mié|jue|vie|sáb",
        "currency_negative": "($n)", "am": "AM", "pm": "PM", "short_date": "M/d/yyyy",
        "month_names_abbreviated": "ene|feb|mar|abr|may|jun|jul|ago|sep|oct|nov|dic",
        "long_date": "dddd, MMMM dd, yyyy", "month_day": "MMMM d",
    },
    "fa-IR": {
        "calendar": "persian", "decimal": "/", "currency_decimal": "/", "nan": "ناعدد",
        "percent_positive": "n %", "percent_negative": "n- %", "currency_symbol": "ريال",
        "currency_digits": 2, "currency_positive": "n$", "currency_negative": "n-$",
        "month_names": _JALALI_MONTHS, "month_names_abbreviated": _JALALI_MONTHS,
        "day_names": _JALALI_DAYS, "day_names_abbreviated": _JALALI_DAYS, "am": "ق.ظ", "pm": "ب.ظ",
        "short_date": "dd/MM/yyyy", "long_date": "dddd, d MMMM yyyy", "short_time": "hh:mm tt",
        "long_time": "hh:mm:ss tt", "year_month": "MMMM, yyyy",
    },
    "fi-FI": {
        "month_names_abbreviated_genitive":
            "tammik.|helmik.|maalisk.|huhtik.|toukok.|kesäk.|heinäk.|elok.|syysk.|lokak.|marrask.|jouluk.",
    },
    "fr-BE": _NO_HALVES | {
        "group": ".", "currency_group": ".", "short_date": "dd-MM-yy", "date_separator": "-",
    },
    "fr-CA": _CLOCK | _NO_HALVES | {
        "currency_negative": "(n $)", "short_date": "yyyy-MM-dd", "date_separator": "-",
        "long_date": "d MMMM yyyy", "year_month": "MMMM, yyyy",
        "month_names_abbreviated": "janv.|févr.|mars|avr.|mai|juin|juil.|août|sept.|oct.|nov.|déc.",
    },
    "fr-CH": {"short_date": "dd.MM.yyyy", "date_separator": "."},
    "he-IL": _CLOCK | {
        "short_date": "dd/MM/yyyy", "long_date": "dddd dd MMMM yyyy", "month_day": "dd MMMM",
        "date_separator": "/", "era": "לספירה", "currency_positive": "$ n", "currency_negative": "$-n",
        "month_names_abbreviated": "ינו|פבר|מרץ|אפר|מאי|יונ|יול|אוג|ספט|אוק|נוב|דצמ",
        "day_names":
            "יום\u00a0ראשון|יום\u00a0שני|יום\u00a0שלישי|יום\u00a0רביעי|יום\u00a0חמישי|יום\u00a0שישי|שבת",
        "day_names_abbreviated": "יום\u00a0א|יום\u00a0ב|יום\u00a0ג|יום\u00a0ד|יום\u00a0ה|יום\u00a0ו|שבת",
    },
    "hi-IN": _CLOCK | {
        "short_date": "dd-MM-yyyy", "long_date": "dd MMMM yyyy", "month_day": "dd MMMM",
        "date_separator": "-", "first_day": 1, "am": "पूर्वाह्न", "pm": "अपराह्न", "currency_positive": "$n",
        "currency_negative": "$ -n", "day_names_abbreviated": "रवि.|सोम.|मंगल.|बुध.|गुरु.|शुक्र.|शनि.",
        "month_names": _HINDI_MONTHS, "month_names_abbreviated": _HINDI_MONTHS, "year_month": "MMMM, yyyy",
    },
    "hr-HR": _NO_HALVES | _SHORT_CLOCK | {
        "month_names_genitive":
            "siječnja|veljače|ožujka|travnja|svibnja|lipnja|srpnja|kolovoza|rujna|listopada|studenog|prosinca",
        "month_names_abbreviated": "sij|vlj|ožu|tra|svi|lip|srp|kol|ruj|lis|stu|pro",
        "short_date": "d.M.yyyy.", "long_date": "d. MMMM yyyy.", "year_month": "MMMM, yyyy",
    },
    "hu-HU": {"date_separator": ". "},
    "lv-LV": {
        "day_names": "svētdiena|pirmdiena|otrdiena|trešdiena|ceturtdiena|piektdiena|sestdiena",
        "day_names_abbreviated": "svētd.|pirmd.|otrd.|trešd.|ceturtd.|piektd.|sestd.",
    },
    "mk-MK": {
        "percent_positive": "n%", "percent_negative": "-n%", "currency_symbol": "ден",
        "short_date": "dd.M.yyyy", "long_date": "dddd, dd MMMM yyyy",
    },
    "nb-NO": {
        "currency_positive": "$ n", "currency_negative": "-$ n",
        "month_names_abbreviated_genitive": "jan.|feb.|mar.|apr.|mai|jun.|jul.|aug.|sep.|okt.|nov.|des.",
    },
    "nl-BE": _NO_HALVES | _SHORT_CLOCK | {"currency_negative": "-$ n", "short_date": "d/MM/yyyy"},
    "pt-PT": _NO_HALVES | {
        "day_names_abbreviated": "dom|seg|ter|qua|qui|sex|sáb", "long_date": "d 'de' MMMM 'de' yyyy",
    },
    "ro-RO": {"currency_symbol": "lei"},
    "sk-SK": {"date_separator": ". "},
    "sl-SI": {
        "short_date": "d. MM. yyyy", "long_date": "dddd, dd. MMMM yyyy", "date_separator": ". ",
    },
    "sr-Latn-RS": {"short_date": "d.M.yyyy.", "long_date": "dddd, dd. MMMM yyyy."},
    "sv-FI": {"nan": "¤¤¤", "short_date": "dd-MM-yyyy"},
    "th-TH": _SHORT_CLOCK | {
        "calendar": "buddhist", "first_day": 1, "short_date": "d/M/yyyy", "long_date": "d MMMM yyyy",
        "day_names": "อาทิตย์|จันทร์|อังคาร|พุธ|พฤหัสบดี|ศุกร์|เสาร์",
    },
    "uk-UA": _NO_HALVES | _SHORT_CLOCK | {
        "month_names_abbreviated": "Січ|Лют|Бер|Кві|Тра|Чер|Лип|Сер|Вер|Жов|Лис|Гру",
        "month_names_abbreviated_genitive": "січ|лют|бер|кві|тра|чер|лип|сер|вер|жов|лис|гру",
        "day_names": "неділя|понеділок|вівторок|середа|четвер|п'ятниця|субота",
        "day_names_abbreviated": "Нд|Пн|Вт|Ср|Чт|Пт|Сб", "long_date": "d MMMM yyyy' р.'",
        "year_month": "MMMM yyyy' р.'",
    },
    "vi-VN": {
        "currency_digits": 2, "month_names": _VIETNAMESE_MONTHS,
        "month_names_abbreviated": "Thg1|Thg2|Thg3|Thg4|Thg5|Thg6|Thg7|Thg8|Thg9|Thg10|Thg11|Thg12",
        "day_names": "Chủ Nhật|Thứ Hai|Thứ Ba|Thứ Tư|Thứ Năm|Thứ Sáu|Thứ Bảy",
        "day_names_abbreviated": "CN|T2|T3|T4|T5|T6|T7", "short_date": "dd/MM/yyyy",
        "long_date": "dd MMMM yyyy", "short_time": "h:mm tt", "long_time": "h:mm:ss tt",
        "month_day": "dd MMMM", "year_month": "MMMM yyyy",
    },
    "zh-HK": _CHINESE | _SHORT_CLOCK | {"currency_negative": "($n)"},
    "zh-TW": _CHINESE | {"currency_symbol": "NT$", "short_time": "tt hh:mm", "long_time": "tt hh:mm:ss"},
}  # fmt: skip


def differences(name: str) -> dict[str, Any]:
    """The fields of a culture (``da-DK``) that replace the derived ones."""
    row = _LANGUAGES.get(name.partition("-")[0], {}) | _ROWS.get(name, {})
    fields = {key: tuple(value.split("|")) if key in _NAMES else value for key, value in row.items()}
    if "month_names" in fields:
        fields.setdefault("month_names_genitive", fields["month_names"])
    if "month_names_abbreviated" in fields:
        fields.setdefault("month_names_abbreviated_genitive", fields["month_names_abbreviated"])
    return fields
