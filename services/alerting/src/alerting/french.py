"""Mails in French."""

from datetime import datetime

from alerting.wording import clock, duration, minute, model_and_version, whole_seconds
from vigie.trials import StopReason, TrialReport

_SENTIMENTS = ("négatif", "positif")
_UNITS = ("j", "h", "min")
_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip


class French:
    """French."""

    language = "fr"
    colon = "\u00a0:"
    no_text = "(texte absent du journal)"
    what_to_do = "Que faire"
    links = "Liens"
    actions = "En un clic (chaque page demande confirmation)"
    votes = "Les votes de ce moment"
    all_alerts = "Toutes les alertes"
    interface = "L’interface"
    people = "avis humain"
    typical = "Tweets typiques"
    risen = "Mots en plus forte hausse"
    false_alarm = "C’est une fausse alerte"
    test_subject = "[Vigie] Mail de test"

    def subject(self, count: int, span_ms: int, scope: str) -> str:
        """A subject line with scope and count, never a tweet."""
        where = "tous les modèles" if scope == "all" else self.version(*model_and_version(scope))
        return f"[Vigie] {_errors(count)} en {_span(span_ms)} : {where}"

    def headline(self, count: int, span_ms: int) -> str:
        """The first line."""
        return f"{_errors(count)} en {_span(span_ms)}"

    def summary(self, count: int, oldest: datetime, newest: datetime, needed: int, window_ms: int) -> str:
        """One sentence with the numbers and the rule."""
        first, last = clock(oldest), clock(newest)
        when = f"à {last} UTC" if first == last else f"entre {first} et {last} UTC"
        reported = (
            f"{count} prédictions ont été signalées fausses" if count > 1 else "1 prédiction a été signalée fausse"
        )
        what = f"{needed} prédictions différentes" if needed > 1 else "1 prédiction"
        rule = f"{what} en moins de {duration(window_ms, _UNITS)}"
        return f"Le {_day(newest)}, {when}, {reported}. La règle : {rule}."

    def breakdown(self, counts: list[tuple[str, str, int]]) -> str:
        """How many of the errors each version made."""
        return "Par modèle : " + ", ".join(
            f"{self.version(model, version)} : {count}" for model, version, count in counts
        )

    def day(self, errors: int, predictions: int) -> str:
        """The share of errors of the last 24 hours."""
        if not predictions:
            return f"Dernières 24 h : {_errors(errors)}."
        share = f"{errors / predictions * 100:.1f} %".replace(".", ",")
        return f"Dernières 24 h : {_errors(errors)} sur {_number(predictions)} ({share})."

    def suppressed(self, count: int) -> str:
        """What the cool-down kept quiet."""
        more = f"{count} autres erreurs ont rempli" if count > 1 else "1 autre erreur a rempli"
        return f"Depuis le mail précédent, {more} la règle sans déclencher de mail."

    def quiet_until(self, until: datetime) -> str:
        """When the next mail may come."""
        return f"Pas d’autre mail de ce type avant {clock(until)} UTC."

    def said(self, model: str, version: str) -> str:
        """Before what the model said."""
        return f"{self.version(model, version)}"

    def predicted(self, label: int, confidence: float) -> str:
        """What the model said."""
        return f"{_SENTIMENTS[label]}, sûr à {confidence * 100:.0f} %"

    def people_say(self, expected_label: int | None, annotators: int) -> str:
        """What people said of it."""
        opinion = "faux" if expected_label is None else _SENTIMENTS[expected_label]
        return f"{opinion} ({'1 personne' if annotators == 1 else f'{annotators} personnes'})"

    def version(self, model: str, version: str) -> str:
        """A model's name."""
        return f"{model} version {version}"

    def times(self, reported: datetime, predicted: datetime) -> str:
        """When it was reported, and how old the prediction was then."""
        age = max(0, round((reported - predicted).total_seconds() * 1000))
        return f"signalé à {clock(reported)} UTC, {duration(age, _UNITS).replace('.', ',')} après la prédiction"

    def steps(self, models: list[str]) -> list[str]:
        """The run book: what the reader can do, in the order in which it helps."""
        rollback = " ou ".join(f"vigie-train rollback --model {model}" for model in models)
        return [
            "Lire les tweets : qui a raison, les personnes ou le modèle ?",
            "Le modèle a raison : cliquer « fausse alerte », pour que l’historique le dise.",
            f"Les personnes ont raison et une seule version se trompe : revenir à la précédente : {rollback}",
            "C’est un sujet précis (incident, mot nouveau, ironie) : collecter des étiquettes, puis réentraîner.",
            "Cela dure et c’est connu : mettre ce périmètre en silence, et prévenir l’astreinte.",
        ]

    def registry(self, model: str, version: str) -> str:
        """Names the link to a version in the registry."""
        return f"{self.version(model, version)} dans le registre"

    def silence(self, hours: int) -> str:
        """Names the link that silences."""
        return f"Silence sur ce périmètre pendant {hours} h"

    def footer(self, alert_key: str, fired: datetime) -> str:
        """Where this mail comes from."""
        when = fired.strftime("%d/%m/%Y %H:%M:%S UTC")
        return f"Alerte {alert_key[:12]}, levée le {when} par Vigie. Les noms et les liens des tweets sont masqués."

    def surge_subject(self, scope: str, count: int, minutes: int) -> str:
        """A subject line with scope and count, never a tweet."""
        return f"[Vigie] Vague de tweets négatifs : {count} en {minutes} min : {_where(scope)}"

    def surge_headline(self, scope: str, factor: float) -> str:
        """The first line."""
        return f"Vague de tweets négatifs, {_where(scope)} : {factor:.1f} fois l’habitude".replace(".", ",")

    def surge_summary(self, count: int, total: int, first: datetime, last: datetime, baseline: float) -> str:
        """One sentence with the numbers."""
        return (
            f"Le {_day(first)}, entre {minute(first)} et {minute(last)} UTC, {count} tweets sur {total} "
            f"étaient négatifs ; on en attendait environ {baseline:.0f}."
        )

    def detectors(self, names: list[str]) -> str:
        """Which opinions agree."""
        opinions = {"count": "plus de tweets négatifs que d’habitude", "share": "une plus grande part de négatifs"}
        found = " et ".join(opinions[name] for name in names)
        return f"{'Les deux détecteurs sont d’accord' if len(names) > 1 else 'Un détecteur sur deux le dit'} : {found}."

    def word(self, word: str, count: int, usual: float) -> str:
        """One word that rose."""
        return f"{word} (dans {count} tweets, d’habitude {usual:.1f})".replace(".", ",")

    def chart(self, step_minutes: int, hours: int, highest: int) -> str:
        """The chart, for those who do not see it."""
        return (
            f"Graphique : tweets par tranche de {step_minutes} min sur {hours} h, les négatifs en rouge. "
            f"La barre la plus haute compte {highest} tweets négatifs."
        )

    def written(self, at: datetime, score: float) -> str:
        """When a tweet was written, and how sure the model is."""
        return f"{clock(at)} UTC, négatif, sûr à {score * 100:.0f} %"

    def surge_steps(self) -> list[str]:
        """The run book of a surge."""
        return [
            "Lire les tweets et les mots : un incident, ou une conversation ?",
            "Un incident : prévenir l’astreinte communication, avec ce mail.",
            "Regarder dans l’interface et sur Twitter si la vague monte encore.",
            "Le modèle se trompe sur ces tweets : voter, et cliquer « fausse alerte ».",
            "C’est connu et cela va durer : mettre en silence ; le mail suivant viendra après.",
        ]

    def canary_subject(self, model: str, version: str) -> str:
        """Which version, never a word of a tweet."""
        return f"[Vigie] {self.canary_headline(model, version)}"

    def canary_headline(self, model: str, version: str) -> str:
        """The first line."""
        return f"Challenger arrêté : {self.version(model, version)}"

    def canary_summary(self, report: TrialReport, reason: StopReason, at: datetime) -> str:
        """One sentence with the reason."""
        when = f"Le {_day(at)}, à {clock(at)} UTC, {self.version(report.model, report.trial.version)}"
        if reason is StopReason.ERRS:
            tweets = f"{_number(report.failed)} tweets" if report.failed > 1 else "1 tweet"
            failed = f"parce qu’il a échoué sur {tweets} auxquels le champion savait répondre"
            return f"{when} a été retiré du trafic {failed}. Chaque client a reçu une réponse."
        mine = f"{_number(report.trial.errors)} de ses {_number(report.trial.answered)} réponses"
        theirs = f"{_number(report.champion.errors)} des {_number(report.champion.answered)} du champion"
        return f"{when} a été retiré du trafic : {mine} ont été signalées fausses, et {theirs}."

    def canary_facts(self, report: TrialReport) -> list[str]:
        """How it and the champion compare."""
        same = f"Même réponse des deux pour {_number(report.agreed)} tweets sur {_number(report.compared)}."
        right = f"le challenger a eu raison {_number(report.trial.right)} fois"
        voted = (
            f"Sur {_number(report.judged)} tweets jugés, {right}, le champion {_number(report.champion.right)} fois."
        )
        return [
            f"Le champion, {self.version(report.model, report.champion.version)}, répond de nouveau seul.",
            *([same] if report.compared else []),
            *([voted] if report.judged else []),
        ]

    def canary_failure(self, failure: str) -> str:
        """How it failed last."""
        return f"Dernier échec : {failure}"

    def canary_steps(self, model: str) -> list[str]:
        """The run book of a stopped challenger."""
        return [
            "Rien d’urgent : le champion répond, et cette version ne reçoit plus de tweets, même après un redémarrage.",
            "Comparer les deux dans GET /models, et lire les tweets : les personnes ont-elles raison ?",
            f"Oui : réentraîner, ou retirer l’alias « challenger » de vigie-{model}.",
            "Non : enregistrer la version à nouveau ; un nouveau numéro est essayé de nouveau.",
        ]

    def resolved_subject(self, subject: str) -> str:
        """Of the mail that says that it is over."""
        return subject.replace("[Vigie]", "[Vigie] Terminé :", 1)

    def resolved(self, fired: datetime, ended: datetime, quiet_ms: int) -> str:
        """What the mail says that tells that it is over."""
        return (
            f"L’alerte du {_day(fired)}, {clock(fired)} UTC, est terminée depuis {clock(ended)} UTC : "
            f"rien de nouveau pendant {duration(quiet_ms, _UNITS)}."
        )

    def over(self, ended: datetime) -> str:
        """Beside an alert that is over."""
        return f"terminée depuis {clock(ended)} UTC"

    def digest_subject(self, count: int) -> str:
        """Of the one mail after an outage."""
        return f"[Vigie] {count} alertes qui n’ont pas pu être envoyées"

    def digest(self, count: int, oldest: datetime) -> str:
        """What the one mail after an outage says."""
        return (
            f"Les mails n’ont pas pu être remis pendant un temps. Depuis le {_day(oldest)}, {clock(oldest)} UTC, "
            f"{count} alertes ont été levées ; les voici ensemble."
        )

    def test_text(self, sent: datetime) -> str:
        """The text of a test mail."""
        when = sent.strftime("%d/%m/%Y à %H:%M:%S UTC")
        return f"Ceci est un mail de test, envoyé le {when}. Si vous le lisez, les alertes de Vigie vous parviennent."


def _errors(count: int) -> str:
    return f"{_number(count)} prédictions fausses" if count > 1 else f"{count} prédiction fausse"


def _number(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")


def _span(milliseconds: int) -> str:
    return duration(whole_seconds(milliseconds), _UNITS)


def _where(scope: str) -> str:
    return "tous les tweets" if scope == "all" else scope


def _day(moment: datetime) -> str:
    return f"{_DAYS[moment.weekday()]} {moment.day} {_MONTHS[moment.month - 1]} {moment.year}"
