"""Log types of Azure and Entra ID, as data."""
