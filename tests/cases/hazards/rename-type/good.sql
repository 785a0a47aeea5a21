CREATE DOMAIN temper AS mood;
