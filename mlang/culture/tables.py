"""The common cultures by hand, so that they cost no babel and follow Windows where CLDR differs.

A row says only what differs from the invariant culture.  Lists of names are written
as one text, split at blanks (or at "|").  Facts: CVT-24 to CVT-31, CVT-84 to CVT-97.
Read ``cldr.py`` next for all the other cultures.
"""

from __future__ import annotations

from typing import Any

from mlang.culture.data import CultureInfo

NARROW_BLANK, NO_BREAK = "\u202f", "\u00a0"

_NAMES = {
    "month_names": 12, "month_names_genitive": 12, "month_names_abbreviated": 12,
    "month_names_abbreviated_genitive": 12,
    "day_names": 7, "day_names_abbreviated": 7,
}  # fmt: skip
_ENGLISH: dict[str, Any] = {"percent_positive": "n%", "percent_negative": "-n%", "year_month": "MMMM yyyy"}
_EURO: dict[str, Any] = {"currency_symbol": "€", "currency_positive": "n $", "currency_negative": "-n $"}
_CONTINENT: dict[str, Any] = {"decimal": ",", "group": ".", "first_day": 1, "year_month": "MMMM yyyy"}

_ROWS: dict[str, dict[str, Any]] = {
    "en-US": _ENGLISH | {
        "currency_symbol": "$", "short_date": "M/d/yyyy", "long_date": "dddd, MMMM d, yyyy",
        "short_time": "h:mm tt", "long_time": "h:mm:ss tt", "month_day": "MMMM d",
    },
    "en-GB": _ENGLISH | {
        "currency_symbol": "£", "currency_negative": "-$n", "first_day": 1, "short_date": "dd/MM/yyyy",
        "long_date": "dd MMMM yyyy", "month_day": "d MMMM",
    },
    "de-DE": _CONTINENT | _EURO | {
        "month_names": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "month_names_abbreviated": "Jan Feb Mrz Apr Mai Jun Jul Aug Sep Okt Nov Dez",
        "day_names": "Sonntag Montag Dienstag Mittwoch Donnerstag Freitag Samstag",
        "day_names_abbreviated": "So Mo Di Mi Do Fr Sa",
        "am": "", "pm": "", "era": "n. Chr.", "short_date": "dd.MM.yyyy", "long_date": "dddd, d. MMMM yyyy",
        "month_day": "d. MMMM", "date_separator": ".",
    },
    "fr-FR": _CONTINENT | _EURO | {
        "group": NARROW_BLANK,
        "month_names":
            "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "month_names_abbreviated": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "day_names": "dimanche lundi mardi mercredi jeudi vendredi samedi",
        "day_names_abbreviated": "dim. lun. mar. mer. jeu. ven. sam.",
        "am": "", "pm": "", "era": "ap. J.-C.", "short_date": "dd/MM/yyyy", "long_date": "dddd d MMMM yyyy",
        "month_day": "d MMMM",
    },
    "es-ES": _CONTINENT | _EURO | {
        "month_names":
            "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "month_names_abbreviated": "ene. feb. mar. abr. may. jun. jul. ago. sep. oct. nov. dic.",
        "day_names": "domingo lunes martes miércoles jueves viernes sábado",
        "day_names_abbreviated": "do. lu. ma. mi. ju. vi. sá.",
        "am": "", "pm": "", "era": "d. C.", "short_date": "dd/MM/yyyy",
        "long_date": "dddd, d 'de' MMMM 'de' yyyy", "short_time": "H:mm", "long_time": "H:mm:ss",
        "month_day": "d 'de' MMMM", "year_month": "MMMM 'de' yyyy",
    },
    "it-IT": _CONTINENT | _EURO | {
        "percent_positive": "n%", "percent_negative": "-n%",
        "month_names":
            "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "month_names_abbreviated": "gen feb mar apr mag giu lug ago set ott nov dic",
        "day_names": "domenica lunedì martedì mercoledì giovedì venerdì sabato",
        "day_names_abbreviated": "dom lun mar mer gio ven sab",
        "am": "", "pm": "", "era": "d.C.", "short_date": "dd/MM/yyyy", "long_date": "dddd d MMMM yyyy",
        "month_day": "d MMMM",
    },
    "pt-BR": _CONTINENT | {
        "percent_positive": "n%", "percent_negative": "-n%", "first_day": 0,
        "currency_symbol": "R$", "currency_positive": "$ n", "currency_negative": "-$ n",
        "month_names":
            "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "month_names_abbreviated": "jan fev mar abr mai jun jul ago set out nov dez",
        "day_names": "domingo segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado",
        "day_names_abbreviated": "dom seg ter qua qui sex sáb",
        "am": "", "pm": "", "era": "d.C.", "short_date": "dd/MM/yyyy",
        "long_date": "dddd, d 'de' MMMM 'de' yyyy", "month_day": "d 'de' MMMM",
        "year_month": "MMMM 'de' yyyy",
    },
    "nl-NL": _CONTINENT | {
        "percent_positive": "n%", "percent_negative": "-n%",
        "currency_symbol": "€", "currency_positive": "$ n", "currency_negative": "$ -n",
        "month_names":
            "januari februari maart april mei juni juli augustus september oktober november december",
        "month_names_abbreviated": "jan feb mrt apr mei jun jul aug sep okt nov dec",
        "day_names": "zondag maandag dinsdag woensdag donderdag vrijdag zaterdag",
        "day_names_abbreviated": "zo ma di wo do vr za",
        "am": "", "pm": "", "era": "n.Chr.", "short_date": "d-M-yyyy", "long_date": "dddd d MMMM yyyy",
        "month_day": "d MMMM", "date_separator": "-",
    },
    "pl-PL": _CONTINENT | {
        "group": NO_BREAK, "percent_positive": "n%", "percent_negative": "-n%",
        "currency_symbol": "zł", "currency_positive": "n $", "currency_negative": "-n $",
        "month_names":
            "styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik listopad "
            "grudzień",
        "month_names_genitive":
            "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada "
            "grudnia",
        "month_names_abbreviated": "sty lut mar kwi maj cze lip sie wrz paź lis gru",
        "day_names": "niedziela poniedziałek wtorek środa czwartek piątek sobota",
        "day_names_abbreviated": "niedz. pon. wt. śr. czw. pt. sob.",
        "am": "AM", "pm": "PM", "era": "n.e.", "short_date": "dd.MM.yyyy", "long_date": "dddd, d MMMM yyyy",
        "month_day": "d MMMM", "date_separator": ".",
    },
    "ru-RU": _CONTINENT | {
        "group": NO_BREAK, "percent_positive": "n%", "percent_negative": "-n%", "nan": f"не{NO_BREAK}число",
        "currency_symbol": "₽", "currency_positive": "n $", "currency_negative": "-n $",
        "month_names":
            "Январь Февраль Март Апрель Май Июнь Июль Август Сентябрь Октябрь Ноябрь Декабрь",
        "month_names_genitive":
            "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
        "month_names_abbreviated": "янв фев мар апр май июн июл авг сен окт ноя дек",
        "month_names_abbreviated_genitive": "янв фев мар апр мая июн июл авг сен окт ноя дек",
        "day_names": "воскресенье понедельник вторник среда четверг пятница суббота",
        "day_names_abbreviated": "Вс Пн Вт Ср Чт Пт Сб",
        "am": "", "pm": "", "era": "н.э.", "short_date": "dd.MM.yyyy", "long_date": "dddd, d MMMM yyyy 'г.'",
        "short_time": "H:mm", "long_time": "H:mm:ss", "month_day": "d MMMM", "date_separator": ".",
    },
    "tr-TR": _CONTINENT | {
        "percent_positive": "%n", "percent_negative": "-%n",
        "currency_symbol": "₺", "currency_positive": "$n", "currency_negative": "-$n",
        "month_names": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
        "month_names_abbreviated": "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara",
        "day_names": "Pazar Pazartesi Salı Çarşamba Perşembe Cuma Cumartesi",
        "day_names_abbreviated": "Paz Pzt Sal Çar Per Cum Cmt",
        "am": "ÖÖ", "pm": "ÖS", "era": "MS", "short_date": "d.MM.yyyy", "long_date": "d MMMM yyyy dddd",
        "month_day": "d MMMM", "date_separator": ".",
    },
    "sv-SE": _CONTINENT | {
        "group": NO_BREAK, "nan": "¤¤¤", "currency_symbol": "kr",
        "currency_positive": "n $", "currency_negative": "-n $",
        "month_names":
            "januari februari mars april maj juni juli augusti september oktober november december",
        "month_names_abbreviated": "jan feb mar apr maj jun jul aug sep okt nov dec",
        "day_names": "söndag måndag tisdag onsdag torsdag fredag lördag",
        "day_names_abbreviated": "sön mån tis ons tor fre lör",
        "am": "", "pm": "", "era": "e.Kr.", "short_date": "yyyy-MM-dd", "long_date": "'den 'd MMMM yyyy",
        "month_day": "'den 'd MMMM", "date_separator": "-",
    },
    "ja-JP": {
        "percent_positive": "n%", "percent_negative": "-n%",
        "currency_symbol": "¥", "currency_digits": 0, "currency_negative": "-$n",
        "month_names": "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
        "month_names_abbreviated": "1 2 3 4 5 6 7 8 9 10 11 12",
        "day_names": "日曜日 月曜日 火曜日 水曜日 木曜日 金曜日 土曜日",
        "day_names_abbreviated": "日 月 火 水 木 金 土",
        "am": "午前", "pm": "午後", "era": "西暦", "short_date": "yyyy/MM/dd",
        "long_date": "yyyy'年'M'月'd'日'", "short_time": "H:mm", "long_time": "H:mm:ss",
        "month_day": "M月d日", "year_month": "yyyy'年'M'月'",
    },
    "zh-CN": {
        "percent_positive": "n%", "percent_negative": "-n%", "first_day": 1,
        "currency_symbol": "¥", "currency_negative": "$-n",
        "month_names": "一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月",
        "month_names_abbreviated": "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
        "day_names": "星期日 星期一 星期二 星期三 星期四 星期五 星期六",
        "day_names_abbreviated": "周日 周一 周二 周三 周四 周五 周六",
        "am": "上午", "pm": "下午", "era": "公元", "short_date": "yyyy/M/d",
        "long_date": "yyyy'年'M'月'd'日'", "short_time": "H:mm", "long_time": "H:mm:ss",
        "month_day": "M月d日", "year_month": "yyyy'年'M'月'",
    },
    "ko-KR": {
        "percent_positive": "n%", "percent_negative": "-n%",
        "currency_symbol": "₩", "currency_digits": 0, "currency_negative": "-$n",
        "month_names": "1월 2월 3월 4월 5월 6월 7월 8월 9월 10월 11월 12월",
        "month_names_abbreviated": "1 2 3 4 5 6 7 8 9 10 11 12",
        "day_names": "일요일 월요일 화요일 수요일 목요일 금요일 토요일",
        "day_names_abbreviated": "일 월 화 수 목 금 토",
        "am": "오전", "pm": "오후", "era": "서기", "short_date": "yyyy-MM-dd",
        "long_date": "yyyy'년' M'월' d'일' dddd", "short_time": "tt h:mm", "long_time": "tt h:mm:ss",
        "month_day": "M월 d일", "year_month": "yyyy'년' M'월'", "date_separator": "-",
    },
}  # fmt: skip

_BY_LOWER = {name.lower(): name for name in _ROWS}
#: A language alone means its main country.
_NEUTRAL = {name.partition("-")[0]: name for name in reversed(_ROWS)}


def build(lower: str) -> CultureInfo | None:
    """The culture of a lower-case name, when it is one of the table."""
    name = _BY_LOWER.get(lower)
    shown = name
    if name is None and lower in _NEUTRAL:
        name, shown = _NEUTRAL[lower], lower
    if name is None or shown is None:
        return None
    row = dict(_ROWS[name])
    for key, count in _NAMES.items():
        if key in row:
            row[key] = tuple(row[key].split())
            assert len(row[key]) == count, (name, key)
    if "month_names" in row:
        row.setdefault("month_names_genitive", row["month_names"])
        row.setdefault("month_names_abbreviated_genitive", row["month_names_abbreviated"])
    row.setdefault("currency_decimal", row.get("decimal", "."))
    row.setdefault("currency_group", row.get("group", ","))
    return CultureInfo(shown, **row)
