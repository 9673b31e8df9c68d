"""URLs of the holder's page. Its cookie is sent to `/key` and below alone."""

from django.urls import path

from apikeys.holders import undoing, views

urlpatterns = [
    path("key", views.holder, name="holder"),
    path("key/", views.holder_slash, name="holder_slash"),
    path("key/leave", views.holder_leave, name="holder_leave"),
    path("key/rotate", views.holder_rotate, name="holder_rotate"),
    path("key/stop", views.holder_stop, name="holder_stop"),
    path("key-undo/", undoing.key_undo, name="key_undo"),
    path("key-undo/<str:token>/", undoing.key_undo_link, name="key_undo_link"),
]
