"""Money: how amounts are written, in the one currency of the installation. Pure."""

from accounts.bounds import NANOS

# The codes of ISO 4217 that are money somewhere: no metals, funds or test codes.
CODES = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
    CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
    GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD
    KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO
    NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE
    SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND
    VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()  # noqa: SIM905 (a list of 150 lines)
)
SYMBOLS = {
    "BRL": "R$",
    "CHF": "CHF ",
    "CNY": "CN¥",
    "EUR": "€",
    "GBP": "£",
    "ILS": "₪",
    "INR": "₹",
    "JPY": "¥",
    "KRW": "₩",
    "USD": "$",
    "VND": "₫",
}
# Without a smaller unit that is in use.
WHOLE = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split()  # noqa: SIM905
)


def symbol(code: str) -> str:
    """Return the sign that stands before an amount. Where none is widely known, the code."""
    return SYMBOLS.get(code, f"{code} ")


def written(nanos: int, code: str) -> str:
    """Return an amount as pages show it, rounded down so that no budget looks used up too early."""
    digits = 0 if code in WHOLE else 2
    least = NANOS // 10**digits
    if 0 < nanos < least:
        return f"under {symbol(code)}{1 / 10**digits:.{digits}f}"
    units, rest = divmod(nanos // least, 10**digits)
    return f"{symbol(code)}{units:,}" + (f".{rest:0{digits}d}" if digits else "")
