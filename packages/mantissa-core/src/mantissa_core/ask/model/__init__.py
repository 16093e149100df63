"""Plans from a language model: it sees the question and the tables' descriptions, and answers with a plan or not."""

from .budget import Budget, Limits, OverBudget, Spending
from .calls import Failed
from .planner import plan_from_model
from .prices import Price, Prices

__all__ = ["Budget", "Failed", "Limits", "OverBudget", "Price", "Prices", "Spending", "plan_from_model"]
