"""The operator in whose name benchmarks administer."""

from copconnect.principals import Operator

OPERATOR = Operator("bench")
