select 1; /* open /* closed */ ; select 2;
