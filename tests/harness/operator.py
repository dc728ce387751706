"""The operator in whose name tests administer."""

from copconnect.principals import Operator

OPERATOR = Operator("tests")
