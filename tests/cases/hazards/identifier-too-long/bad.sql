ALTER TABLE portfolios -- here
    ADD COLUMN the_rating_that_the_agency_gave_them_before_the_last_review_of_the_year int;
