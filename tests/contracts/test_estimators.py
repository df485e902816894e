"""Every estimator honours scikit-learn's contract, with no expected failure."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from nearid.ica import LatentICA


# scikit-learn's checks fit a few dozen rows of noise, on which nothing converges; 1.6 fits ten.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:there are 10 rows for 4 components:UserWarning")
@parametrize_with_checks([LatentICA()])
def test_estimator_honours_the_contract_of_scikit_learn(estimator, check):
    check(estimator)
