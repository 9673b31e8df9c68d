"""The chatflows app."""

from datetime import timedelta

from django.apps import AppConfig


class ChatflowsConfig(AppConfig):
    name = "chatflows"

    def ready(self) -> None:
        from accounts import worker  # noqa: PLC0415
        from accounts.api import operations  # noqa: PLC0415
        from accounts.audit import words  # noqa: PLC0415
        from accounts.services.key_ring import rows  # noqa: PLC0415
        from accounts.signals import team_opened  # noqa: PLC0415
        from apikeys import resources  # noqa: PLC0415 (models are ready only now)
        from apikeys.key_file import changes  # noqa: PLC0415
        from chatflows import audit_words  # noqa: PLC0415
        from chatflows.api.judge import judge  # noqa: PLC0415
        from chatflows.calls import pruning, reservations  # noqa: PLC0415
        from chatflows.flow_app import visits  # noqa: PLC0415
        from chatflows.models import Selection  # noqa: PLC0415
        from chatflows.services import browser_warnings, budgets, engines, onboarding  # noqa: PLC0415
        from chatflows.services.resources import ChatflowResources  # noqa: PLC0415

        words.register(audit_words.SENTENCES, audit_words.FACTS)
        operations.register(judge)
        resources.register(ChatflowResources())
        changes.watch(Selection, ["key", "chatflow"], "SELECT {row}.key_id")
        rows.register_sealed(engines.SEALED)
        team_opened.connect(onboarding.fit_out, dispatch_uid="onboarding")
        every_minute = timedelta(minutes=1)
        worker.register(worker.Job("reservations", every_minute, reservations.run_out))
        worker.register(worker.Job("budgets", every_minute, budgets.warn))
        worker.register(worker.Job("browsers", every_minute, browser_warnings.warn))
        worker.register(worker.Job("usage", timedelta(hours=1), pruning.delete_old))
        worker.register(worker.Job("visits", timedelta(hours=1), visits.delete_ended))
