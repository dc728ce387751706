"""Previews of links: pages of the public web, fetched for the device that writes a link.

The setting ``link_previews`` allows them; without it nothing here connects anywhere. The
preview travels in the sender's encrypted message, and devices that receive it fetch nothing. The
server keeps neither links nor pages, and logs neither.
"""
