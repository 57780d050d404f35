"""Labels of codes, for templates."""

from web.pages.context import desk
from web.pages.wording import labels
from web.statement_labels import CHANGES, GRANT_KINDS, MOVEMENTS
from workflows.languages.shipped_rules import rule_file_text


class TemplateLabels:
    """Labels of codes, for templates."""

    @staticmethod
    def channel(code: str) -> str:
        text = labels.readable(code)
        return labels.CHANNELS.get(code) or text[:1].upper() + text[1:]

    @staticmethod
    def request_state(code: str) -> labels.Label:
        return labels.label_of(labels.REQUEST_STATES, code)

    @staticmethod
    def work_state(code: str) -> labels.Label:
        return labels.label_of(labels.WORK_STATES, code)

    @staticmethod
    def approval_state(code: str) -> labels.Label:
        return labels.label_of(labels.APPROVAL_STATES, code)

    @staticmethod
    def beyond_approval() -> labels.Label:
        return labels.BEYOND_APPROVAL

    @staticmethod
    def overage_policy(code: str) -> str:
        return labels.OVERAGE_POLICIES.get(code, labels.readable(code))

    @staticmethod
    def limit_per(code: str) -> str:
        return labels.LIMITS_PER.get(code, labels.readable(code))

    @staticmethod
    def delivery_state(code: str) -> labels.Label:
        return labels.label_of(labels.DELIVERY_STATES, code)

    @staticmethod
    def invoice_state(code: str, kind: str) -> labels.Label:
        states = labels.CREDIT_NOTE_STATES if kind == "credit_note" else labels.INVOICE_STATES
        return labels.label_of(states, code)

    @staticmethod
    def payment_state(code: str) -> labels.Label:
        return labels.label_of(labels.PAYMENT_STATES, code)

    @staticmethod
    def entry_state(code: str) -> labels.Label:
        return labels.label_of(labels.ENTRY_STATES, code)

    @staticmethod
    def mail_state(code: str) -> labels.Label:
        return labels.label_of(labels.MAIL_STATES, code)

    @staticmethod
    def match_reason(code: str) -> str:
        return labels.MATCH_REASONS.get(code, labels.readable(code))

    @staticmethod
    def contract_state(code: str) -> labels.Label:
        return labels.label_of(labels.CONTRACT_STATES, code)

    @staticmethod
    def auto_top_up(code: str) -> labels.Label:
        return labels.label_of(labels.AUTO_TOP_UPS, code)

    @staticmethod
    def product_kind(code: str) -> str:
        return labels.PRODUCT_KINDS.get(code, labels.readable(code))

    @staticmethod
    def quote_state(code: str) -> labels.Label:
        return labels.label_of(labels.QUOTE_STATES, code)

    @staticmethod
    def dispute_state(code: str) -> labels.Label:
        return labels.label_of(labels.DISPUTE_STATES, code)

    @staticmethod
    def price_standing(code: str) -> labels.Label:
        return labels.label_of(labels.PRICE_STANDINGS, code)

    @staticmethod
    def contract_over(code: str) -> str:
        return labels.CONTRACT_OVER.get(code, labels.readable(code))

    @staticmethod
    def pending_reason(code: str) -> str:
        return labels.PENDING_REASONS.get(code, labels.readable(code))

    @staticmethod
    def would_be(code: str) -> labels.Label:
        return labels.label_of(labels.WOULD_BE, code)

    @staticmethod
    def outcome(code: str) -> labels.Label:
        return labels.label_of(labels.OUTCOMES, code)

    @staticmethod
    def standing(code: str) -> labels.Label:
        return labels.label_of(labels.STANDINGS, code)

    @staticmethod
    def allocation(code: str) -> labels.Label:
        return labels.label_of(labels.ALLOCATIONS, code)

    @staticmethod
    def priority(code: str) -> labels.Label:
        return labels.label_of(labels.PRIORITIES, code)

    @staticmethod
    def trigger_done(code: str, *, names_other: bool = False) -> str:
        """What was done; with `names_other`, the text before the other request that a line names."""
        done = labels.TRIGGERS_DONE.get(code, labels.readable(code))
        return labels.TRIGGERS_DONE_WITH_OTHER.get(code, done) if names_other else done

    @staticmethod
    def holder_kind(code: str) -> str:
        return labels.HOLDER_KINDS.get(code, labels.readable(code))

    @staticmethod
    def contract_type(code: str) -> str:
        rule_set = desk().config.rule_set
        known = rule_set.contract_types.get(code) if rule_set is not None else None
        return rule_file_text(known.label) if known is not None else labels.readable(code).capitalize()

    @staticmethod
    def hold_reason(code: str) -> str:
        return labels.HOLD_REASONS.get(code, labels.readable(code))

    @staticmethod
    def hold_reason_word(code: str) -> str:
        return labels.HOLD_REASON_WORDS.get(code, labels.readable(code))

    @staticmethod
    def cause(code: str) -> str:
        kind = code.partition(":")[0]
        return labels.CAUSES.get(kind, labels.readable(kind))

    @staticmethod
    def contract_action(code: str) -> str:
        return labels.CONTRACT_ACTIONS.get(code, labels.readable(code).capitalize())

    @staticmethod
    def grant_kind(code: str | None) -> str:
        return GRANT_KINDS.get(code or "", labels.readable(code).capitalize())

    @staticmethod
    def movement(code: str) -> str:
        return MOVEMENTS.get(code) or CHANGES.get(code, labels.readable(code).capitalize())

    @staticmethod
    def time_expired(code: str) -> str:
        return labels.TIME_EXPIRED.get(code, labels.readable(code))

    @staticmethod
    def role(code: str) -> str:
        return labels.ROLES.get(code, labels.readable(code))
