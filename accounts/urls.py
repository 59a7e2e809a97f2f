"""Addresses of linked accounts and of invitations."""

from django.urls import path

from accounts import views, views_authorizing, views_leaving, views_listing, views_shared

app_name = "accounts"
urlpatterns = [
    path("accounts/", views.account_list, name="account-list"),
    path("accounts/add/<slug:kind>/", views.account_add, name="account-add"),
    path(
        "accounts/add/<slug:kind>/authorize/", views_authorizing.account_authorize, name="account-authorize"
    ),
    path("accounts/authorized/<slug:kind>/", views_authorizing.account_authorized, name="account-authorized"),
    path("accounts/<str:account_code>/refresh/", views_listing.account_refresh, name="account-refresh"),
    path("accounts/<str:account_code>/listing/", views_listing.listing_state, name="listing-state"),
    path("accounts/<str:account_code>/renew/", views.account_renew, name="account-renew"),
    path(
        "accounts/<str:account_code>/renew/authorize/",
        views_authorizing.account_reauthorize,
        name="account-reauthorize",
    ),
    path("accounts/<str:account_code>/remove/", views.account_remove_page, name="account-remove"),
    path("accounts/shared/<str:shared_code>/", views_shared.shared_account, name="shared-account"),
    path("user/data/", views_leaving.own_data, name="own-data"),
    path("user/data/export/", views_leaving.own_data_export, name="own-data-export"),
    path("user/delete/", views_leaving.user_delete, name="user-delete"),
    path("user/invite/<str:invitation_code>/", views.invitation_accept, name="invitation-accept"),
]
