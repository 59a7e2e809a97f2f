"""Invitations: a link that lets one person sign up where SIGNUP is `invite`."""

from django.conf import settings
from django.http import HttpRequest

from accounts.models import Invitation, User

SESSION_KEY = "invitation"


class InvitationTaken(Exception):
    """Somebody else signed up with this link a moment before."""


def invitation_create(*, email: str = "", invited_by: User | None = None) -> Invitation:
    """A new invitation; with an e-mail address it is only for that address."""
    return Invitation.objects.create(email=User.objects.normalize_email(email).lower(), invited_by=invited_by)


def invitation_remember(*, request: HttpRequest, invitation: Invitation) -> None:
    """Keep the invitation while its visitor fills in the sign-up form."""
    request.session[SESSION_KEY] = invitation.code


def invitation_of(request: HttpRequest) -> Invitation | None:
    """The unused invitation that this visitor came with."""
    code = request.session.get(SESSION_KEY)
    if not code or settings.SIGNUP != "invite":
        return None
    return Invitation.objects.filter(code=code, used_by=None).first()


def invitation_use(*, request: HttpRequest, invitation: Invitation | None, user: User) -> None:
    """Spend the invitation on `user`. Of two people with one link the second gets InvitationTaken."""
    rows = (
        Invitation.objects.filter(pk=invitation.pk, used_by=None) if invitation else Invitation.objects.none()
    )
    if rows.update(used_by=user) != 1:
        raise InvitationTaken
    request.session.pop(SESSION_KEY, None)
