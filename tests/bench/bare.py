"""What we compare with: one async Django view that answers at once, and nothing around it."""

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, SECRET_KEY="bench", ALLOWED_HOSTS=["*"], MIDDLEWARE=[])
django.setup()


async def view(request: HttpRequest) -> HttpResponse:
    """The least that Django can answer."""
    return HttpResponse(b'{"text":"Hello"}', content_type="application/json")


urlpatterns = [path("", view)]
application = get_asgi_application()
