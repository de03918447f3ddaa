"""The audit in words, for the shopper: who did what with their file. Ids of people are never told."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from service.audit.models import Action, ActorKind, AuditEntry

LANGUAGES = ("en", "es")

_WHO = {
    ActorKind.OPERATOR: ("the brand's staff", "el personal de la marca"),
    ActorKind.COMMAND: ("the brand's staff", "el personal de la marca"),
    ActorKind.SHOPPER: ("you", "tú"),
    ActorKind.SYSTEM: ("the service, by its rules", "el servicio, según sus reglas"),
}
# Another shopper: one who proved a contact that this file only claimed, or one whom a merge joined for a while.
_THE_OWNER = ("the owner of the contact", "la persona titular del contacto")
_ANOTHER = ("another person", "otra persona")
_BY_OWNERS = frozenset((Action.IDENTIFIER_EVICTED, Action.SESSIONS_ENDED, Action.DUPLICATE_REJECTED))
_A_SITE = ("a web shop", "una tienda en línea")

_WHAT = {
    Action.CUSTOMER_CREATED: ("began your file", "creó tu ficha"),
    Action.IDENTIFIER_LINKED: ("added an identifier", "añadió un identificador"),
    Action.IDENTIFIER_VERIFIED: ("proved an identifier", "verificó un identificador"),
    Action.IDENTIFIER_UNLINKED: ("removed an identifier", "quitó un identificador"),
    Action.IDENTIFIER_DEMOTED: ("set an identifier aside", "dejó un identificador en espera"),
    Action.IDENTIFIER_EVICTED: (
        "removed an identifier that does not belong to this file",
        "quitó un identificador que no es de esta ficha",
    ),
    Action.CUSTOMERS_MERGED: ("joined two files of yours", "unió dos fichas tuyas"),
    Action.CUSTOMERS_UNMERGED: ("parted two files again", "volvió a separar dos fichas"),
    Action.DUPLICATE_PROPOSED: ("noted a probable second file", "anotó una posible segunda ficha"),
    Action.DUPLICATE_REJECTED: ("decided that two files are two people", "decidió que dos fichas son dos personas"),
    Action.LINK_REQUESTED: ("asked to link an account", "pidió vincular una cuenta"),
    Action.LINK_APPROVED: ("linked an account", "vinculó una cuenta"),
    Action.LINK_REFUSED: ("refused to link an account", "rechazó vincular una cuenta"),
    Action.SALE_CLAIMED: ("claimed a purchase", "hizo suya una compra"),
    Action.SIGNED_IN: ("signed in", "inició sesión"),
    Action.SIGNED_OUT: ("signed out elsewhere", "cerró la sesión en otro lugar"),
    Action.SESSIONS_ENDED: ("ended sessions", "cerró sesiones"),
    Action.CONSENT_CHANGED: ("changed a consent", "cambió un consentimiento"),
    Action.EXPORTED: ("exported your data", "exportó tus datos"),
    Action.ERASED: ("erased your data", "borró tus datos"),
    Action.LOOKED_UP: ("looked you up", "te buscó"),
    Action.READ: ("read your file", "leyó tu ficha"),
    Action.SALES_READ: ("read your purchases", "leyó tus compras"),
    Action.SCANS_READ: ("read your store visits", "leyó tus visitas a tiendas"),
    Action.HISTORY_READ: ("read the history of your file", "leyó el historial de tu ficha"),
    Action.PROPOSALS_READ: ("read a probable second file of yours", "leyó una posible segunda ficha tuya"),
    Action.SESSION_OPENED: ("opened your card and your file for you", "abrió tu tarjeta y tu ficha por ti"),
}


# What an identifier is called, by its kind.
_THINGS = {
    "email": ("your e-mail address", "tu correo electrónico"),
    "phone": ("your phone number", "tu número de teléfono"),
    "crm": ("your customer number", "tu número de cliente"),
    "loyalty_card": ("your loyalty card", "tu tarjeta de fidelidad"),
    "account": ("your account", "tu cuenta"),
    "anonymous": ("your browser or app", "tu navegador o app"),
}
_DONE_TO = {
    Action.IDENTIFIER_LINKED: ("gave {}", "dio {}"),
    Action.IDENTIFIER_VERIFIED: ("proved {}", "verificó {}"),
    Action.IDENTIFIER_UNLINKED: ("removed {}", "quitó {}"),
    Action.IDENTIFIER_DEMOTED: ("set {} aside", "dejó {} en espera"),
}
_CONNECTED = ("connected {}", "conectó {}")
_ARE_CONNECTED = frozenset(("account", "anonymous"))

# What the shopper approved, and a rule of the brand keeps from being done.
_LEFT_TO_THE_BRAND = (
    "approved an account, and the brand decides whether it is linked",
    "aprobó una cuenta, y la marca decide si se vincula",
)


def in_words(
    entry: AuditEntry, language: str, *, sites: Mapping[UUID, str], own_sessions: Collection[UUID]
) -> dict[str, Any]:
    """Return a line as the person concerned reads it, in one of `LANGUAGES`.

    `sites` names the sites by id; a shopper whose session is not among the person's own is somebody else.
    """
    which = LANGUAGES.index(language)
    return {
        "at": entry.at,
        "who": _who(entry, sites, own_sessions)[which],
        "what": _what(entry)[which],
        "why": entry.why,
    }


def _who(entry: AuditEntry, sites: Mapping[UUID, str], own_sessions: Collection[UUID]) -> tuple[str, str]:
    ident, kind = entry.actor_id, ActorKind(entry.actor_kind)
    if kind is ActorKind.SITE:
        return _A_SITE if ident is None or ident not in sites else (sites[ident], sites[ident])
    if kind is ActorKind.SHOPPER and ident is not None and ident not in own_sessions:
        return _THE_OWNER if entry.action in _BY_OWNERS else _ANOTHER
    return _WHO[kind]


def _what(entry: AuditEntry) -> tuple[str, str]:
    if entry.action == Action.LINK_APPROVED and entry.detail.get("linked") is False:
        return _LEFT_TO_THE_BRAND
    action, kind = Action(entry.action), entry.detail.get("kind")
    if kind not in _THINGS or action not in _DONE_TO:
        return _WHAT[action]
    done = _CONNECTED if action is Action.IDENTIFIER_LINKED and kind in _ARE_CONNECTED else _DONE_TO[action]
    (english, spanish), (thing, cosa) = done, _THINGS[kind]
    return english.format(thing), spanish.format(cosa)
